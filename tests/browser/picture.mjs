// The picture of the README: node tests/browser/picture.mjs BASE FILE, on a real Jarvis with containers to talk about.
import { connected, launch, open, say } from "../../web/ui/browser/page.mjs";

const [base, file] = process.argv.slice(2);
const browser = await launch();
const { page } = await open(browser, base, { size: { width: 1280, height: 980 }, hash: "#/chat/new" });
await connected(page);
for (const [words, answer] of [
  ["what is running here?", /command mode/],
  ["restart web", /Restarted/],
  ["why did backup die?", /No space left on device/],
  ["stop web", /NOT done yet/],
]) {
  const log = page.locator("[role=log]");
  const before = await log.getByText(answer).count();
  await say(page, words);
  await log.getByText(answer).nth(before).waitFor();
}
await page.getByRole("button", { name: /^Approve: / }).first().waitFor();
await page.screenshot({ path: file });
await browser.close();
