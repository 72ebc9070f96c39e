// The console with a stand-in for the server: node mock.mjs [--port 7979] [--key SECRET] [--hostile] [--empty] [--cards N]
import { parseArgs } from "node:util";
import { start } from "./mock/server.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "7979" }, key: { type: "string" }, cards: { type: "string", default: "0" },
    pace: { type: "string", default: "40" }, hostile: { type: "boolean" }, empty: { type: "boolean" },
  },
});
const { base } = await start({ ...values, key: values.key ?? null, port: Number(values.port), cards: Number(values.cards), pace: Number(values.pace) });
console.log(`console with a stand-in at ${base}/`);
