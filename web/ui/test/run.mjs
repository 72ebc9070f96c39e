// Compiles the tests of the pure logic with esbuild and runs them with node's own test runner.
import * as esbuild from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), "console-tests-"));
try {
  const entryPoints = readdirSync(here).filter((name) => name.endsWith(".test.ts") || name.endsWith(".test.tsx")).map((name) => join(here, name));
  await esbuild.build({
    absWorkingDir: dirname(here), entryPoints, outdir: out, outExtension: { ".js": ".mjs" }, bundle: true, format: "esm",
    platform: "node", target: "node20", jsx: "automatic", jsxImportSource: "preact", logLevel: "warning",
  });
  const beside = readdirSync(here).filter((name) => name.endsWith(".test.mjs")).map((name) => join(here, name));
  const files = [...readdirSync(out).map((name) => join(out, name)), ...beside];
  process.exitCode = spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(out, { recursive: true });
}
