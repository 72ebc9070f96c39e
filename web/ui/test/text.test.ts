import assert from "node:assert/strict";
import { test } from "node:test";
import { clean, clock, countdown, decodeEntities, duration, exact, safeHref } from "../src/text";

function check<G, E>(run: (given: G) => E, rows: [G, E][]): void {
  for (const [given, expect] of rows) assert.deepEqual(run(given), expect, JSON.stringify(given));
}

test("only web and mail addresses may be followed", () => {
  check(safeHref, [
    ["https://example.org/a?b=c#d", "https://example.org/a?b=c#d"],
    ["http://192.168.1.5:8096", "http://192.168.1.5:8096/"],
    ["mailto:someone@example.org", "mailto:someone@example.org"],
    ["HTTPS://EXAMPLE.ORG", "https://example.org/"],
    ["javascript:alert(1)", null],
    ["JaVaScRiPt:alert(1)", null],
    ["java\nscript:alert(1)", null],
    [" javascript:alert(1)", null],
    ["javascript&#58;alert(1)", null],
    ["data:text/html,<script>alert(1)</script>", null],
    ["vbscript:x", null],
    ["blob:https://example.org/1", null],
    ["file:///etc/passwd", null],
    ["//example.org", null],
    ["/v1/jarvis/approvals/K7QX", null],
    ["#/audit", null],
    ["", null],
  ]);
});

test("prose loses escape sequences, controls and bidi overrides", () => {
  check(clean, [
    ["plain\ttext\nline", "plain\ttext\nline"],
    ["a\r\nb\rc", "a\nb\nc"],
    ["\x1b[1;31mred\x1b[0m", "red"],
    ["\x1b]0;title\x07after", "after"],
    ["\x1b]8;;http://x\x1b\\link", "link"],
    ["nul\0 bell\x07 c1\x9b31m", "nul bell c131m"],
    ["invoice\u202egnp.exe", "invoicegnp.exe"],
    ["שלום", "שלום"],
    ["👩‍💻", "👩‍💻"],
  ]);
});

test("what cannot be seen in a name is written out", () => {
  check(exact, [
    ["web", "web"],
    ["two\nlines", "two\nlines"],
    ["we\u200bb", "we\\u{200b}b"],
    ["\u202egnp", "\\u{202e}gnp"],
    ["\x1b[31m", "\\u{1b}[31m"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
  ]);
});

test("character references become characters, and never controls", () => {
  check(decodeEntities, [
    ["a &amp; b &lt;c&gt; &quot;d&quot; &#39;e&#39; &#x41;", `a & b <c> "d" 'e' A`],
    ["&unknown; &#0; &#x202e;x", "&unknown; &#0; x"],
  ]);
});

test("times in words", () => {
  check((left: number) => countdown(left, 0), [
    [1_800_000, "30:00"], [59_001, "1:00"], [1_000, "0:01"], [0, "0:00"], [-5_000, "0:00"], [3_729_000, "1:02:09"],
  ]);
  check(duration, [
    [20_000, "20 s"], [480_000, "8 min"], [18_720_000, "5 h 12 min"], [273_600_000, "3 d 4 h"], [-1, "0 s"],
  ]);
  const noon = new Date(2026, 10, 20, 12, 5).getTime();
  check((at: number) => clock(at, noon), [[noon, "12:05"], [noon - 86_400_000, "19 Nov 12:05"]]);
});
