import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser, type SseEvent } from "../src/sse";

function parse(pieces: string[]): SseEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

const STREAM =
  ": hello\n\nid: e1-1\ndata: {\"type\":\"delta\",\"text\":\"ä€😀\"}\n\n: beat\n\nid: e1-2\r\ndata: one\r\ndata:two\r\n\r\n" +
  "event: x\ndata\n\nid: e1-3\rdata: three\r\rid: bad\0id\ndata: four\n\n: end\n";
const EVENTS: SseEvent[] = [
  { id: "e1-1", data: "{\"type\":\"delta\",\"text\":\"ä€😀\"}" },
  { id: "e1-2", data: "one\ntwo" },
  { id: "e1-2", data: "" },
  { id: "e1-3", data: "three" },
  { id: "e1-3", data: "four" },
];

test("a whole stream gives its events", () => {
  assert.deepEqual(parse([STREAM]), EVENTS);
});

test("a stream split at every byte gives the same events", () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let at = 0; at <= bytes.length; at += 1) {
    const decoder = new TextDecoder();
    const pieces = [decoder.decode(bytes.subarray(0, at), { stream: true }), decoder.decode(bytes.subarray(at), { stream: true })];
    assert.deepEqual(parse(pieces), EVENTS, `split at ${at}`);
  }
});

test("a stream in single characters gives the same events", () => {
  assert.deepEqual(parse([...STREAM]), EVENTS);
});

test("an event that was cut off is not given", () => {
  assert.deepEqual(parse(["id: 1\ndata: half"]), []);
});

test("an event without an end is given up", () => {
  const parser = new SseParser();
  const piece = "x".repeat(1024 * 1024);
  parser.push("data: ");
  assert.throws(() => Array.from({ length: 9 }, () => parser.push(piece)), /too large/);
});
