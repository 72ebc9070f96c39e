// The browser tests of the console: node browser/run.mjs [words of a scenario's name]
//   JARVIS_BASE   http://127.0.0.1:7878  runs what fits a real server there; without it everything runs on the stand-in
//   JARVIS_KEY    an API key for that server
//   JARVIS_ASK    what to say there so that an approval is asked for; without it scenarios with cards are left out
//   SHOTS         a folder for screenshots
//   CHROMIUM      the browser, /usr/bin/chromium otherwise
import { mkdirSync } from "node:fs";
import { start } from "../mock/server.mjs";
import { launch } from "./page.mjs";
import * as approvals from "./approvals.mjs";
import * as chat from "./chat.mjs";
import * as connection from "./connection.mjs";
import * as hostile from "./hostile.mjs";
import * as views from "./views.mjs";

const { JARVIS_BASE: real, JARVIS_KEY: key = null, JARVIS_ASK, SHOTS: shots } = process.env;
const words = process.argv.slice(2).join(" ");
const fits = (scenario) => !real || scenario.anywhere || (scenario.asks && JARVIS_ASK);
const chosen = [views, chat, approvals, connection, hostile].flatMap((file) => file.scenarios).filter((one) => fits(one) && one.name.includes(words));

if (shots) mkdirSync(shots, { recursive: true });
const browser = await launch();
let failed = 0;
for (const scenario of chosen) {
  const server = real ? { base: real.replace(/\/$/, ""), close: async () => {} } : await start({});
  const began = performance.now();
  try {
    await scenario.run({ browser, base: server.base, key, ask: real ? JARVIS_ASK : "please stop web", start, shots });
    console.log(`ok    ${scenario.name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${scenario.name}\n${error.stack}`);
  }
  await Promise.all(browser.contexts().map((context) => context.close()));
  await server.close();
}
await browser.close();
console.log(`${chosen.length - failed} of ${chosen.length} scenarios passed`);
process.exit(failed > 0 || chosen.length === 0 ? 1 : 0);
