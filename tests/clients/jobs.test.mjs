// What a program that uses OpenAI's JavaScript client sees of embeddings, images and audio. Run by run.sh.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: `${process.env.JARVIS_URL}/v1`, apiKey: "none", maxRetries: 0, timeout: 30_000 });
const input = ["the quick brown fox", "a lazy dog"];

for (const server of ["openai", "ollama", "lax"]) {
  test(`${server}: the client decodes the vectors that it asked for as base64`, async () => {
    const coded = await client.embeddings.create({ model: `embed-${server}`, input });
    const plain = await client.embeddings.create({ model: `embed-${server}`, input, encoding_format: "float" });
    assert.equal(coded.data.length, 2);
    for (const [index, { embedding }] of coded.data.entries()) {
      assert.equal(embedding.length, 8);
      for (const [at, number] of embedding.entries()) {
        assert.ok(Math.abs(number - plain.data[index].embedding[at]) < 1e-6);
      }
    }
  });
}

test("an image, whole and in parts", async () => {
  const whole = await client.images.generate({ model: "draw", prompt: "a red square" });
  assert.ok(whole.data[0].b64_json);
  const kinds = [];
  for await (const event of await client.images.generate({ model: "draw", prompt: "a red square", stream: true })) {
    kinds.push(event.type);
  }
  assert.equal(kinds.at(-1), "image_generation.completed");
});

test("a transcript", async () => {
  const file = await toFile(Buffer.alloc(3_000_000, 7), "a.wav");
  const { text } = await client.audio.transcriptions.create({ model: "hear-echo", file });
  assert.match(text, /^3000000 bytes, sum /);
});

test("speech is streamed, and one that breaks off is no end", async () => {
  const speech = (model) => client.audio.speech.create({ model, voice: "alloy", input: "Hello there." });
  const answer = await speech("say");
  assert.equal(answer.headers.get("content-type"), "audio/mpeg");
  assert.equal((await answer.arrayBuffer()).byteLength % 4096, 0);
  const broken = await speech("say-dies");
  await assert.rejects(broken.arrayBuffer());
});
