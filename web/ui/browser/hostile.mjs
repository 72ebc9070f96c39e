// Text from outside is data: scripts, links, overrides, escape sequences and a line of a mebibyte do nothing.
import assert from "node:assert/strict";
import { assertAccessible, assertFits, connected, lastAnswer, open, say, SIZES } from "./page.mjs";

export const scenarios = SIZES.map((size) => ({
  name: `hostile text does nothing, at ${size.width}`,
  async run({ browser, start, shots }) {
    const { base, close: end } = await start({ hostile: true, pace: 0 });
    const { page, bad, close } = await open(browser, base, { size });
    await connected(page);
    await page.getByText("Show all 1,048,576 characters").waitFor();
    await say(page, "hostile");
    await lastAnswer(page);
    if (shots) await page.screenshot({ path: `${shots}/${size.width}-hostile.png` });
    for (const view of ["chat", "approvals", "models", "audit", "conversations"]) {
      await page.goto(`${base}/#/${view}`);
      await page.getByText("Loading…").first().waitFor({ state: "detached" });
      const made = await page.evaluate(() => ({
        elements: [...document.querySelectorAll("#app :is(script, iframe, svg:not(.icon), object, embed, style, base, meta, form[action], img:not([src='icon.svg']))")].length,
        links: [...document.querySelectorAll("#app a")].map((link) => link.href).filter((href) => !/^(https?|mailto):/.test(href)),
        overrides: /[\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b\u009b]/.test(document.body.textContent),
        title: document.title,
      }));
      assert.deepEqual(made, { elements: 0, links: [], overrides: false, title: "(1) Jarvis" }, view);
      await assertAccessible(page, `hostile ${view} at ${size.width}`);
      await assertFits(page, `hostile ${view} at ${size.width}`);
      if (view !== "chat" && shots) await page.screenshot({ path: `${shots}/${size.width}-hostile-${view}.png` });
    }
    assert.deepEqual(bad, []);
    await close();
    await end();
  },
}));
