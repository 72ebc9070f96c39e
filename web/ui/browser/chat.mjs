// Talking: streaming, voided text, stopping, history, tool lines.
import assert from "node:assert/strict";
import { connected, lastAnswer, log, open, say } from "./page.mjs";

export const scenarios = [
  {
    name: "an answer arrives and is there after a reload",
    anywhere: true,
    async run({ browser, base, key }) {
      const { page, bad, close } = await open(browser, base, { key, hash: "#/chat/new" });
      await connected(page);
      await say(page, "help");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "say", "one can go on typing");
      const answer = await lastAnswer(page);
      assert.ok(answer.length > 0);
      await page.reload();
      await connected(page);
      await log(page).getByText("help", { exact: true }).first().waitFor();
      assert.equal(await lastAnswer(page), answer);
      assert.deepEqual(bad, []);
      await close();
    },
  },
  {
    name: "streamed Markdown, tool lines and a table",
    async run({ browser, base }) {
      const { page, bad, close } = await open(browser, base, { hash: "#/chat/new" });
      await connected(page);
      await say(page, "what is running?");
      await page.locator(".answer").getByText("list_containers ✓").waitFor();
      await lastAnswer(page);
      assert.equal(await page.locator(".answer table tbody tr").count(), 3);
      assert.equal(await page.locator(".answer ol > li > ul > li").count(), 2);
      const link = page.getByRole("link", { name: "the manual" });
      assert.deepEqual([await link.getAttribute("href"), await link.getAttribute("rel")], ["https://docs.docker.com/engine/", "noopener noreferrer"]);
      await page.getByRole("button", { name: "Copy this code" }).click();
      await page.getByText(/^(Copied|Select the text to copy it)$/).waitFor();
      assert.deepEqual(bad, []);
      await close();
    },
  },
  {
    name: "text that is void is discarded, and the final message counts",
    async run({ browser, base }) {
      const { page, close } = await open(browser, base, { hash: "#/chat/new" });
      await connected(page);
      await say(page, "failover please");
      await page.getByText("This half answer").waitFor();
      assert.equal(await lastAnswer(page), "The second machine gives the whole answer.");
      assert.equal(await page.getByText("This half answer").count(), 0);
      await close();
    },
  },
  {
    name: "Escape and the button stop an answer",
    async run({ browser, start }) {
      const { base, close: end } = await start({ pace: 60 });
      const { page, close } = await open(browser, base, { hash: "#/chat/new" });
      await connected(page);
      await say(page, "count slowly");
      await page.getByText(/n1 n2 n3/).waitFor();
      await page.keyboard.press("Escape");
      await page.getByText("Stopped by you.").waitFor();
      await say(page, "count again");
      await page.locator(".answer.live").getByText(/n1 n2 n3/).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByText("Stopped by you.").nth(1).waitFor();
      assert.equal(await page.getByRole("button", { name: "Stop" }).count(), 0);
      await close();
      await end();
    },
  },
  {
    name: "Shift and Enter break the line; a draft stays with its conversation",
    async run({ browser, base }) {
      const { page, close } = await open(browser, base, { hash: "#/chat/new" });
      await connected(page);
      const field = page.getByLabel("Message", { exact: true });
      await field.fill("first");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("second");
      assert.equal(await field.inputValue(), "first\nsecond");
      await page.getByRole("link", { name: /Question 1/ }).click();
      await page.waitForFunction(() => document.querySelector("#say").value === "");
      await page.getByRole("link", { name: "New conversation" }).first().click();
      await page.waitForFunction(() => document.querySelector("#say").value === "first\nsecond");
      await close();
    },
  },
  {
    name: "older messages load on scrolling up, without a jump",
    async run({ browser, base }) {
      const { page, close } = await open(browser, base);
      await connected(page);
      await page.getByRole("link", { name: /Question 1/ }).click();
      await log(page).getByText("Question 80: how is plex?").waitFor();
      await page.waitForFunction(() => {
        const view = document.querySelector("[role=log]");
        return view.scrollHeight - view.scrollTop - view.clientHeight < 2;
      });
      assert.equal(await log(page).getByText("Question 55: how is plex?").count(), 0);
      const mark = log(page).getByText("Question 57: how is plex?");
      await log(page).evaluate((view) => (view.scrollTop = 100));
      await log(page).getByText("Question 50: how is plex?").waitFor({ state: "attached" });
      const box = await mark.boundingBox();
      assert.ok(box && box.y > 0 && box.y < 740, `the message that was read stays in view, it is at ${box?.y}`);
      for (let turn = 0; turn < 3; turn += 1) {
        await log(page).evaluate((view) => (view.scrollTop = 0));
        await page.waitForFunction((before) => document.querySelectorAll("[role=log] article").length > before || !document.querySelector(".older"), 50 + turn * 50);
      }
      await log(page).getByText("Question 1: how is plex?").waitFor({ state: "attached" });
      assert.equal(await log(page).locator("article").count(), 160);
      await close();
    },
  },
];
