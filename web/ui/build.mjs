// Builds web/dist from web/ui. Names are fixed and whitespace is kept, so that a change is a small, readable diff.
//   node build.mjs            writes ../dist
//   node build.mjs --out DIR  writes DIR
//   node build.mjs --watch    writes ../dist again after each change, without STAMP
import * as esbuild from "esbuild";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { hashFiles, listSources } from "./stamp.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const at = process.argv.indexOf("--out");
const out = resolve(at > 0 ? process.argv[at + 1] : join(root, "../dist"));
const COPIED = ["icon.svg", "index.html", "manifest.webmanifest"];

/**
 * Only marked's lexer is used, but the instance that the module makes of itself at its end keeps the parser, the
 * renderers and the hooks alive: 3.8 KB of gzip. They are cut off; a marked that looks different fails the build.
 */
const lexerOnly = {
  name: "lexer-only",
  setup(build) {
    build.onLoad({ filter: /marked\.esm\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const end = /var (\w+)=new \w+;function (\w+)\(\w+,\w+\)\{return \1\.parse\(/.exec(text);
      const lexer = /export\{.*?(\w+) as Lexer,/.exec(text);
      if (!end || !lexer) throw new Error("marked ends differently now: look at lexerOnly in build.mjs");
      return { contents: `${text.slice(0, end.index)}export{${lexer[1]} as Lexer};` };
    });
  },
};

const options = {
  absWorkingDir: root,
  entryPoints: { app: "src/main.tsx" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome115", "firefox115", "safari16.4"],
  charset: "utf8",
  legalComments: "eof",
  minifySyntax: true,
  jsxSideEffects: true,
  plugins: [lexerOnly],
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
};
const styles = { ...options, entryPoints: { app: "src/styles.css" }, minifySyntax: false };

mkdirSync(out, { recursive: true });
const copy = () => COPIED.forEach((name) => copyFileSync(join(root, "src", name), join(out, name)));

if (process.argv.includes("--watch")) {
  copy();
  for (const each of [options, styles]) await (await esbuild.context({ ...each, logLevel: "info" })).watch();
} else {
  for (const name of readdirSync(out)) rmSync(join(out, name), { recursive: true });
  await Promise.all([esbuild.build(options), esbuild.build(styles)]);
  copy();
  const names = readdirSync(out);
  writeFileSync(join(out, "STAMP"), `sources ${hashFiles(root, listSources(root))}\nbuilt ${hashFiles(out, names)}\n`);
  const sizes = names.map((name) => [name, gzipSync(readFileSync(join(out, name)), { level: 9 }).length]);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  console.log(sizes.map(([name, size]) => `${name} ${size}`).join(", "), `- ${total} bytes gzip in all`);
}
