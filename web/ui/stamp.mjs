// The freshness stamp of web/dist, computed the same way by a Rust test (web/src/assets.rs).
// SHA-256, in hex, over the files in the byte order of their relative paths ("/" between folders); each adds
// its path, a zero byte, its length in bytes as decimal digits, a zero byte, and its bytes.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the built files are made from, relative to web/ui: everything in src, and these. */
const BESIDE_SRC = ["build.mjs", "package-lock.json", "package.json", "stamp.mjs", "tsconfig.json"];

export function listSources(root) {
  const inSrc = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1).replaceAll("\\", "/"));
  return [...inSrc, ...BESIDE_SRC];
}

export function hashFiles(root, paths) {
  const hash = createHash("sha256");
  for (const path of [...paths].sort()) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}
