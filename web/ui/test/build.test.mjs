import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const made = [];
after(() => made.forEach((folder) => rmSync(folder, { recursive: true })));

function build() {
  const out = mkdtempSync(join(tmpdir(), "console-build-"));
  made.push(out);
  execFileSync(process.execPath, [join(root, "build.mjs"), "--out", out]);
  return out;
}

function contents(folder) {
  return Object.fromEntries(readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

test("two builds are the same, and the committed one is theirs", () => {
  const first = contents(build());
  assert.deepEqual(Object.keys(first), ["STAMP", "app.css", "app.js", "icon.svg", "index.html", "manifest.webmanifest"]);
  assert.deepEqual(contents(build()), first);
  assert.deepEqual(contents(join(root, "../dist")), first, "web/dist is stale: run npm ci && npm run build in web/ui");
});

test("nothing in the sources writes HTML, evaluates text or styles an element inline", () => {
  for (const name of readdirSync(join(root, "src")).filter((file) => /\.tsx?$/.test(file))) {
    const text = readFileSync(join(root, "src", name), "utf8");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|style=/, name);
  }
});

test("the lockfile names no registry", () => {
  assert.doesNotMatch(readFileSync(join(root, "package-lock.json"), "utf8"), /"resolved"/);
});
