// What a program that uses Ollama's JavaScript client sees of Jarvis. Run by run.sh.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ollama } from "ollama";

const { JARVIS_URL, JARVIS_KEYED_URL, JARVIS_KEY } = process.env;
const SERVERS = ["openai", "ollama"];
const messages = [{ role: "user", content: "Which containers run on this server?" }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in one city.",
    parameters: { type: "object", required: ["city"], properties: { city: { type: "string", description: "Where." } } },
  },
};
const client = new Ollama({ host: JARVIS_URL });

async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

test("models are listed, shown and asked for by either name", async () => {
  const { models } = await client.list();
  assert.ok(models.some((model) => model.name === "ollama-ok:latest"));
  const shown = await client.show({ model: "ollama-ok" });
  assert.ok(shown.capabilities.includes("completion"));
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  assert.ok(Array.isArray((await client.ps()).models));
});

for (const server of SERVERS) {
  test(`${server}: whole and streamed are the same`, async () => {
    const whole = await client.chat({ model: `${server}-ok`, messages });
    assert.equal(whole.done_reason, "stop");
    const parts = await collect(await client.chat({ model: `${server}-ok:latest`, messages, stream: true }));
    assert.equal(parts.map((part) => part.message.content).join(""), whole.message.content);
    assert.deepEqual(parts.map((part) => part.done).indexOf(true), parts.length - 1);
    assert.ok(parts.at(-1).eval_count > 0);
    const prompt = await client.generate({ model: `${server}-ok`, prompt: "Which containers run?" });
    assert.equal(prompt.response, whole.message.content);
  });

  test(`${server}: parallel calls, and their results`, async () => {
    const parts = await collect(
      await client.chat({ model: `${server}-tools`, messages, tools: [weather], stream: true }),
    );
    const calls = parts.flatMap((part) => part.message.tool_calls ?? []);
    assert.deepEqual(
      calls.map((call) => [call.function.name, Object.keys(call.function.arguments)]),
      [
        ["get_weather", ["city"]],
        ["get_weather", ["city"]],
      ],
    );
    const results = calls.map((call) => ({ role: "tool", tool_name: call.function.name, content: "12 degrees" }));
    const said = { role: "assistant", content: "", tool_calls: calls };
    const answer = await client.chat({
      model: `${server}-tools`,
      messages: [...messages, said, ...results],
      tools: [weather],
    });
    assert.match(answer.message.content, /12 degrees/);
  });

  test(`${server}: a stream that dies is an error and not an end`, async () => {
    await assert.rejects(async () => collect(await client.chat({ model: `${server}-dies`, messages, stream: true })));
    await assert.rejects(client.chat({ model: `${server}-dies`, messages }));
  });

  test(`${server}: vectors`, async () => {
    const { embeddings } = await client.embed({ model: `${server}-vectors`, input: ["one text", "another text"] });
    assert.equal(embeddings.length, 2);
    assert.equal(embeddings[0].length, embeddings[1].length);
  });
}

test("refusals are told in words", async () => {
  const unknown = client.chat({ model: "no-such-model", messages });
  await assert.rejects(unknown, { status_code: 404, error: "model 'no-such-model' not found" });
  await assert.rejects(new Ollama({ host: JARVIS_KEYED_URL }).list(), { status_code: 401 });
  const keyed = new Ollama({ host: JARVIS_KEYED_URL, headers: { Authorization: `Bearer ${JARVIS_KEY}` } });
  assert.ok((await keyed.chat({ model: "openai-ok", messages })).message.content);
});
