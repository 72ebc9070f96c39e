// Cards: by keyboard alone, from two pages, refused in every way, and never gone without a word.
import assert from "node:assert/strict";
import { approval } from "../mock/data.mjs";
import { assertAccessible, assertFits, connected, open, say, SIZES, tabTo } from "./page.mjs";

const approve = (page) => page.getByRole("button", { name: /^Approve: / });
const deny = (page) => page.getByRole("button", { name: /^Deny/ });

async function showCards(page) {
  const decide = page.getByRole("link", { name: /Decide$/ });
  await decide.or(approve(page).first()).first().waitFor();
  if ((await decide.count()) > 0) await decide.click();
}

export const scenarios = [
  ...SIZES.map((size) => ({
    name: `keyboard alone: say something and approve, at ${size.width}`,
    asks: true,
    async run({ browser, base, key, ask }) {
      const { page, bad, close } = await open(browser, base, { size, key, hash: "#/chat/new" });
      await connected(page);
      const field = page.getByLabel("Message", { exact: true });
      await tabTo(page, field);
      await page.keyboard.type(ask);
      await page.keyboard.press("Enter");
      await page.getByText(/waiting for approval/).first().waitFor();
      await page.waitForFunction(() => /^\(\d+\) Jarvis$/.test(document.title));
      if (size.width < 1180) {
        await tabTo(page, page.getByRole("link", { name: /Decide$/ }));
        await page.keyboard.press("Enter");
      }
      const button = approve(page).first();
      await button.waitFor();
      await tabTo(page, button);
      await assertAccessible(page, `a card at ${size.width}`);
      await assertFits(page, `a card at ${size.width}`);
      const name = await button.innerText();
      await page.keyboard.press("Enter");
      await page.getByText(/Approved by .* and done/).first().waitFor();
      assert.match(name, /^Approve: \S+/);
      assert.equal(await page.evaluate(() => document.activeElement?.tagName), "SUMMARY", "the focus is on the line that is left");
      await page.keyboard.press("Enter");
      await page.getByText("Before", { exact: true }).first().waitFor();
      await page.waitForFunction(() => document.title === "Jarvis");
      await assertAccessible(page, `a decided card at ${size.width}`);
      assert.deepEqual(bad, []);
      await close();
    },
  })),
  {
    name: "two pages: one decides, the other sees it",
    asks: true,
    async run({ browser, base, key, ask }) {
      const one = await open(browser, base, { key, hash: "#/chat/new" });
      const two = await open(browser, base, { key, size: SIZES[1], hash: "#/approvals" });
      await Promise.all([connected(one.page), connected(two.page)]);
      await say(one.page, ask);
      await Promise.all([showCards(one.page), approve(two.page).first().waitFor()]);
      await two.page.waitForTimeout(500);
      await deny(two.page).first().click();
      await Promise.all([one, two].map(({ page }) => page.getByText(/Denied by/).first().waitFor()));
      await Promise.all([one, two].map(({ page }) => page.waitForFunction(() => document.title === "Jarvis")));
      assert.deepEqual([...one.bad, ...two.bad], []);
      await Promise.all([one.close(), two.close()]);
    },
  },
  {
    name: "refusals are told in the card: 403, 404, 409, 410 and no answer",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({});
      const { page, close } = await open(browser, base, { hash: "#/approvals" });
      await connected(page);
      const rows = [
        ["FORB", { rule: "forbidden" }, {}, /You may not decide this: this key has not the scope approve/],
        ["LATE", {}, { status: "approved", decided_by: "mia" }, /it was decided before/],
        ["GONE", {}, { status: "expired" }, /the time for this decision is over/],
      ];
      for (const [id, made, quietly, message] of rows) {
        mock.ask(approval(id, Date.now(), null, made));
        const card = page.getByRole("article", { name: new RegExp(id) });
        await card.waitFor();
        Object.assign(mock.approvals.find((one) => one.id === id), quietly);
        await page.waitForTimeout(500);
        await approve(card).click();
        await card.getByText(message).waitFor();
      }
      mock.ask(approval("LOST", Date.now(), null));
      const lost = page.getByRole("article", { name: /LOST/ });
      await lost.waitFor();
      await page.route("**/approvals/LOST", (route) => route.abort());
      await page.waitForTimeout(500);
      await approve(lost).click();
      await lost.getByText(/Not sent: Jarvis did not answer/).waitFor();
      await assertAccessible(page, "refused cards");
      assert.equal(await page.getByRole("article").count(), 4, "no card is dismissed");
      await close();
      await end();
    },
  },
  {
    name: "a second click is told, and one decision is sent",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({ cards: 1 });
      const { page, close } = await open(browser, base, { hash: "#/approvals" });
      await connected(page);
      await approve(page).waitFor();
      let release;
      const held = new Promise((done) => (release = done));
      await page.route("**/approvals/CARD0", async (route) => {
        await held;
        await route.continue();
      });
      await page.waitForTimeout(500);
      await approve(page).click();
      // The button says aria-disabled meanwhile, but a person can press it again.
      await approve(page).click({ force: true });
      await page.getByText("Your decision was sent already. Waiting for the server.").waitFor();
      release();
      await page.getByText(/Approved by owner and done/).waitFor();
      assert.equal(mock.requests.filter((request) => request === "POST /v1/jarvis/approvals/CARD0").length, 1);
      await close();
      await end();
    },
  },
  {
    name: "an act that was denied is asked for again",
    asks: true,
    async run({ browser, base, key, ask }) {
      const { page, bad, close } = await open(browser, base, { key, hash: "#/chat/new" });
      await connected(page);
      await say(page, ask);
      await showCards(page);
      await page.waitForTimeout(500);
      await deny(page).first().click();
      await page.getByText(/^Denied/).first().waitFor();
      await page.locator("article.denied summary").first().click();
      await page.getByRole("button", { name: /^Ask again/ }).first().click();
      await page.getByText(/Asked again as/).first().waitFor();
      await page.waitForTimeout(500);
      await deny(page).first().click();
      await page.waitForFunction(() => document.title === "Jarvis");
      await assertAccessible(page, "cards that were denied");
      assert.deepEqual(bad, []);
      await close();
    },
  },
];
