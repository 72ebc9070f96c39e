// What OpenAI's JavaScript client sees of /v1/responses and /v1/completions. Run by run.sh.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const { JARVIS_URL } = process.env;
const client = new OpenAI({ baseURL: `${JARVIS_URL}/v1`, apiKey: "none", maxRetries: 0, timeout: 30_000 });
const input = "Which containers run on this server?";
const weather = {
  type: "function",
  name: "get_weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
  strict: true,
};

for (const server of ["openai", "ollama"]) {
  test(`${server}: the client's own assembly of a streamed response is the whole one`, async () => {
    const whole = await client.responses.create({ model: `${server}-thinks`, input });
    assert.equal(whole.status, "completed");
    const final = await client.responses.stream({ model: `${server}-thinks`, input }).finalResponse();
    assert.equal(final.output_text, whole.output_text);
    assert.deepEqual(final.output.map((item) => item.type), ["reasoning", "message"]);
    assert.deepEqual(await client.responses.retrieve(final.id).then((kept) => kept.output), whole.output.map((item, at) => ({ ...item, id: final.output[at].id })));
  });

  test(`${server}: calls are answered in the next response`, async () => {
    const model = `${server}-tools`;
    const asked = await client.responses.stream({ model, input, tools: [weather] }).finalResponse();
    const results = asked.output.map((item) => {
      assert.deepEqual(Object.keys(JSON.parse(item.arguments)), ["city"]);
      return { type: "function_call_output", call_id: item.call_id, output: "12 degrees" };
    });
    assert.equal(results.length, 2);
    const next = { model, input: results, tools: [weather], previous_response_id: asked.id };
    assert.match((await client.responses.create(next)).output_text, /12 degrees/);
  });

  test(`${server}: a target that dies is a failed response and not an end`, async () => {
    const stream = await client.responses.create({ model: `${server}-dies`, input, stream: true });
    let last;
    for await (const event of stream) last = event;
    assert.equal(last.type, "response.failed");
    assert.equal(last.response.error.code, "server_error");
  });

  test(`${server}: a completion`, async () => {
    const whole = await client.completions.create({ model: `${server}-ok`, prompt: input });
    let text = "";
    for await (const piece of await client.completions.create({ model: `${server}-ok`, prompt: input, stream: true })) {
      text += piece.choices[0]?.text ?? "";
    }
    assert.equal(text, whole.choices[0].text);
  });
}

test("a response is listed and deleted", async () => {
  const response = await client.responses.create({ model: "openai-ok", input });
  const items = [];
  for await (const item of client.responses.inputItems.list(response.id)) items.push(item.content[0].text);
  assert.deepEqual(items, [input]);
  await client.responses.delete(response.id);
  await assert.rejects(client.responses.retrieve(response.id), OpenAI.NotFoundError);
});

test("what is not supported is refused by name", async () => {
  const asks = { model: "openai-ok", input, tools: [{ type: "web_search" }] };
  await assert.rejects(client.responses.create(asks), (error) => {
    assert.deepEqual([error.status, error.code, error.param], [400, "unsupported_tool", "tools[0].type"]);
    return true;
  });
});
