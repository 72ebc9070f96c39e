// Every view, at both sizes: axe without findings, no sideways scroll, targets large enough, landmarks and headings.
import assert from "node:assert/strict";
import { assertAccessible, assertFits, connected, open, say, SIZES } from "./page.mjs";

const VIEWS = [
  ["chat", /Conversation/], ["chat/new", /Conversation/], ["conversations", /Conversations/], ["approvals", /Approvals/],
  ["models", /Models/], ["audit", /Audit/],
];

export const scenarios = [{
  name: "the audit turns its pages and says when its chain is broken",
  async run({ browser, start }) {
    const { base, mock, close: end } = await start({});
    const { page, bad, close } = await open(browser, base, { hash: "#/audit" });
    await page.getByText("The chain is intact: 130 entries fit their hashes.").waitFor();
    await page.getByText("130", { exact: true }).waitFor();
    mock.check = { chain: "broken", at: 7 };
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText("The chain is broken: entry 7 does not fit its hash.").waitFor();
    assert.deepEqual(await page.locator(".entries > li").count(), 30);
    await page.getByRole("button", { name: "Newest" }).click();
    await page.getByText("130", { exact: true }).waitFor();
    assert.deepEqual(bad, []);
    await close();
    await end();
  },
}, {
  name: "many targets do not crush the approvals beside the chat",
  async run({ browser, start, shots }) {
    const { base, mock, close: end } = await start({});
    mock.targets.push(...Array.from({ length: 12 }, (_, at) => ({ ...mock.targets[0], name: `gpu/model-${at}` })));
    const { page, bad, close } = await open(browser, base, { size: SIZES[0] });
    await page.locator(".rail").getByText("gpu/model-11").waitFor();
    const hidden = await page.locator(".rail > .approvals").evaluate((panel) => panel.scrollHeight - panel.clientHeight);
    assert.ok(hidden <= 1, `${hidden} px of the approvals are hidden`);
    if (shots) await page.screenshot({ path: `${shots}/many-targets.png` });
    assert.deepEqual(bad, []);
    await close();
    await end();
  },
}, {
  name: "every view is accessible and fits",
  anywhere: true,
  async run({ browser, base, key, ask, shots }) {
    for (const size of SIZES) {
      const { page, bad, close } = await open(browser, base, { size, key });
      await connected(page);
      if (ask) {
        await say(page, ask);
        await page.waitForFunction(() => document.title.startsWith("("));
      }
      for (const [view, heading] of VIEWS) {
        await page.goto(`${base}/#/${view}`);
        await page.getByRole("main").getByRole("heading", { level: 2, name: heading }).first().waitFor();
        await page.getByText("Loading…").first().waitFor({ state: "detached" });
        const where = `${view} at ${size.width}`;
        if (shots) await page.screenshot({ path: `${shots}/${size.width}-${view.replace("/", "-")}.png` });
        await assertAccessible(page, where);
        await assertFits(page, where);
        assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1, where);
      }
      for (const summary of await page.locator("main summary").all().then((all) => all.slice(0, 2))) await summary.click();
      await assertAccessible(page, `audit, opened, at ${size.width}`);
      await page.setViewportSize({ width: 320, height: 600 });
      await assertFits(page, "audit at 320");
      assert.deepEqual(bad, []);
      await close();
    }
  },
}];
