// What a program that uses OpenAI's JavaScript client sees of Jarvis. Run by run.sh.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const { JARVIS_URL, JARVIS_KEYED_URL, JARVIS_KEY } = process.env;
const messages = [{ role: "user", content: "Which containers run on this server?" }];
const servers = ["openai", "ollama"];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in one city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** A client that does not try again by itself, so that a test sees the first answer. */
function client(url = JARVIS_URL, apiKey = "none") {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 30_000 });
}

const ask = (body, options) => client().chat.completions.create({ messages, ...body }, options);

test("the list of models has the agent and every chain", async () => {
  const names = [];
  for await (const model of client().models.list()) names.push(model.id);
  for (const name of ["jarvis", "openai-ok", "ollama-ok", "falls"]) assert.ok(names.includes(name), name);
});

for (const server of servers) {
  test(`${server}: streamed is the same text as whole`, async () => {
    const whole = await ask({ model: `${server}-ok` });
    assert.equal(whole.choices[0].finish_reason, "stop");
    const stream = await ask({ model: `${server}-ok`, stream: true, stream_options: { include_usage: true } });
    let text = "";
    let last;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      last = chunk;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
  });

  test(`${server}: the client's own assembly of a stream has both tool calls`, async () => {
    const runner = client().chat.completions.stream({ model: `${server}-tools`, messages, tools: [weather] });
    const { choices } = await runner.finalChatCompletion();
    const calls = choices[0].message.tool_calls;
    assert.equal(choices[0].finish_reason, "tool_calls");
    assert.deepEqual(calls.map((call) => call.function.name), ["get_weather", "get_weather"]);
    assert.equal(new Set(calls.map((call) => call.id)).size, 2);
    for (const call of calls) assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["city"]);
  });

  test(`${server}: the client's tool loop runs to an answer`, async () => {
    const asked = [];
    const run = client().chat.completions.runTools({
      model: `${server}-tools`,
      messages,
      tools: [{ ...weather, function: { ...weather.function, parse: JSON.parse, function: ({ city }) => (asked.push(city), "12 degrees") } }],
    });
    assert.ok(await run.finalContent());
    assert.equal(asked.length, 2);
  });

  test(`${server}: a stream that dies is an error and not an end`, async () => {
    const stream = await ask({ model: `${server}-dies`, stream: true });
    await assert.rejects(async () => {
      for await (const chunk of stream) assert.ok(chunk);
    }, OpenAI.APIError);
  });
}

test("an unknown model is not found", async () => {
  await assert.rejects(ask({ model: "no-such-model" }), { status: 404, code: "model_not_found" });
});

test("a wrong key is refused and the right one is not", async () => {
  await assert.rejects(client(JARVIS_KEYED_URL, "jv_wrong").models.list(), { status: 401, code: "invalid_api_key" });
  const answer = await client(JARVIS_KEYED_URL, JARVIS_KEY).chat.completions.create({ model: "openai-ok", messages });
  assert.ok(answer.choices[0].message.content);
});

test("a request without messages is refused", async () => {
  await assert.rejects(ask({ model: "openai-ok", messages: undefined }), { status: 400, type: "invalid_request_error" });
});

test("a stream can be left and the server goes on", async () => {
  const stream = await ask({ model: "slow", stream: true });
  for await (const chunk of stream) {
    assert.ok(chunk);
    break;
  }
  assert.equal((await ask({ model: "openai-ok" })).choices[0].finish_reason, "stop");
});
