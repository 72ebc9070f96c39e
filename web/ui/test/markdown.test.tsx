import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToString } from "./render";
import { Markdown } from "../src/markdown";

function check(given: string, expect: string): void {
  assert.equal(renderToString(<Markdown text={given} />), `<div class="prose">${expect}</div>`, given);
}

test("what people and models write", () => {
  check("**a** *b* ~~c~~ `d`", '<p dir="auto"><strong>a</strong> <em>b</em> <del>c</del> <code dir="auto">d</code></p>');
  check("# Title", '<h3 dir="auto">Title</h3>');
  check("1. a\n   - b\n2. c", '<ol start="1"><li dir="auto">a<ul><li dir="auto">b</li></ul></li><li dir="auto">c</li></ol>');
  check("- [x] done\n- [ ] open", '<ul><li dir="auto" class="task"><span class="box">[x] </span>done</li><li dir="auto" class="task"><span class="box">[ ] </span>open</li></ul>');
  check("a &amp; b &lt;i&gt;", '<p dir="auto">a &amp; b &lt;i></p>');
  check("one\ntwo", '<p dir="auto">one<br>two</p>');
});

test("links lead to the web or to mail, name their host, and nothing else is a link", () => {
  const link = (href: string, text: string, host: string): string =>
    `<p dir="auto"><bdi><a href="${href}" target="_blank" rel="noopener noreferrer" title="${href}">${text}</a>${host}</bdi></p>`;
  check("[docs](https://example.org/a)", link("https://example.org/a", "docs", '<span class="host"> (example.org)</span>'));
  check("https://example.org/a", link("https://example.org/a", "https://example.org/a", ""));
  check("[https://bank.example](https://evil.example/)", link("https://evil.example/", "https://bank.example", '<span class="host"> (evil.example)</span>'));
  check("![cat](https://example.org/cat.png)", link("https://example.org/cat.png", "image: cat", '<span class="host"> (example.org)</span>'));
  check("[x](javascript:alert(1))", '<p dir="auto"><bdi>[x](javascript:alert(1))</bdi></p>');
  check("![x](data:text/html,a)", '<p dir="auto"><bdi>![x](data:text/html,a)</bdi></p>');
});

test("HTML is shown as it was written", () => {
  check("<script>alert(1)</script>", '<p class="plain" dir="auto">&lt;script>alert(1)&lt;/script></p>');
  check("a <img src=x onerror=alert(1)> b", '<p dir="auto">a &lt;img src=x onerror=alert(1)> b</p>');
});

test("deep nesting ends as text", () => {
  const deep = renderToString(<Markdown text={`${"> ".repeat(500)}x`} />);
  assert.ok(deep.split("<blockquote").length < 40, deep.slice(0, 200));
  const deeper = renderToString(<Markdown text={"> ".repeat(9_900)} />);
  assert.deepEqual([deeper.startsWith('<div class="prose"><p class="plain" dir="auto">> > '), deeper.includes("<blockquote")], [true, false]);
});
