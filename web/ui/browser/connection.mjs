// Broken connections, restarts, keys: nothing is lost, nothing is doubled, and the page says what is going on.
import assert from "node:assert/strict";
import { approval } from "../mock/data.mjs";
import { assertAccessible, assertFits, connected, lastAnswer, open, say, SIZES } from "./page.mjs";

const COUNTED = Array.from({ length: 120 }, (_, at) => `n${at + 1}`).join(" ");

/** A page that can be hidden, with a clock that can be turned forward. */
async function openWithClock(browser, base) {
  const opened = await open(browser, base, { script: () => {
    let shown = "visible";
    Object.defineProperty(document, "visibilityState", { get: () => shown });
    globalThis.show = (state) => {
      shown = state;
      document.dispatchEvent(new Event("visibilitychange"));
    };
  } });
  await connected(opened.page);
  return opened;
}

const streams = (mock) => mock.requests.filter((request) => request === "GET /v1/jarvis/events").length;

export const scenarios = [
  {
    name: "a page that is hidden for long pauses, and catches up when it is seen again",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({});
      const { page, bad, close } = await openWithClock(browser, base);
      mock.ask(approval("BEFO", Date.now(), null));
      await page.waitForFunction(() => document.title === "(1) Jarvis");
      await page.clock.install();
      await page.evaluate(() => globalThis.show("hidden"));
      await page.clock.fastForward("04:00");
      assert.equal(mock.streams.size, 1, "a short look away changes nothing");
      await page.clock.fastForward("02:00");
      await page.waitForFunction(() => document.title === "Jarvis (paused)");
      await page.getByText("Paused while hidden").waitFor();
      const loads = mock.requests.filter((request) => request === "GET /v1/jarvis/status").length;
      mock.ask(approval("MEAN", Date.now(), null));
      await page.evaluate(() => globalThis.show("visible"));
      await page.waitForFunction(() => document.title === "(2) Jarvis");
      assert.equal(mock.requests.filter((request) => request === "GET /v1/jarvis/status").length, loads, "nothing is fetched anew");
      assert.deepEqual(bad, []);
      await close();
      await end();
    },
  },
  {
    name: "a stream that falls silent is opened again",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({});
      const { page, close } = await openWithClock(browser, base);
      await page.clock.install();
      mock.ask(approval("TICK", Date.now(), null));
      await page.waitForFunction(() => document.title === "(1) Jarvis");
      assert.equal(streams(mock), 1);
      await page.clock.fastForward("00:41");
      await page.getByText(/Not connected/).waitFor();
      await page.clock.fastForward("00:01");
      await connected(page);
      assert.equal(streams(mock), 2);
      await close();
      await end();
    },
  },
  {
    name: "a connection that breaks in the middle of an answer loses and doubles nothing",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({ pace: 25 });
      const { page, bad, close } = await open(browser, base, { hash: "#/chat/new" });
      await connected(page);
      await say(page, "count to 120");
      for (const seen of [/n5 n6/, /n30 n31/]) {
        await page.locator(".answer.live").getByText(seen).waitFor();
        mock.drop();
        await page.getByText(/Not connected/).waitFor();
        const shown = await page.locator(".answer.live .prose").innerText();
        assert.ok(COUNTED.startsWith(shown), `a true beginning: ${shown}`);
      }
      await connected(page);
      await page.waitForFunction(() => /n60/.test(document.querySelector(".answer.live .prose")?.textContent ?? ""));
      const middle = await page.locator(".answer.live .prose").innerText();
      assert.ok(COUNTED.startsWith(middle), `nothing is missing after the return: ${middle}`);
      assert.equal(await lastAnswer(page), COUNTED);
      assert.equal(await page.locator(".answer").count(), 1);
      assert.deepEqual(bad, []);
      await close();
      await end();
    },
  },
  {
    name: "a lost connection moves nothing on the page",
    async run({ browser, start }) {
      for (const size of SIZES) {
        const { base, close: end } = await start({ cards: 1 });
        const { page, close } = await open(browser, base, { size, hash: "#/approvals" });
        await connected(page);
        const button = page.getByRole("button", { name: /^Approve: / });
        const before = await button.boundingBox();
        await end();
        await page.getByRole("button", { name: "Try now" }).waitFor();
        assert.deepEqual(await button.boundingBox(), before, `at ${size.width}`);
        await assertAccessible(page, `without a connection at ${size.width}`);
        await assertFits(page, `without a connection at ${size.width}`);
        await close();
      }
    },
  },
  {
    name: "a burst of events before a break is not repeated, and void text goes at once",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({});
      const { page, close } = await open(browser, base);
      await connected(page);
      const run = { conversation_id: mock.conversations[0].id, run_id: "burst" };
      const burst = (letter) => Array.from({ length: 50 }, (_, at) => `${letter}${at}`);
      const emit = (letter) => burst(letter).forEach((text) => mock.emit({ type: "delta", ...run, text: `${text} ` }));
      const live = (text) => page.waitForFunction((wanted) => document.querySelector(".answer.live .prose")?.textContent.trim() === wanted, text);
      mock.emit({ type: "run", ...run, state: "started" });
      emit("a");
      await live(burst("a").join(" "));
      mock.drop();
      emit("b");
      await page.getByText(/Not connected/).waitFor();
      await connected(page);
      await live([...burst("a"), ...burst("b")].join(" "));
      mock.emit({ type: "reset", ...run });
      emit("c");
      await live(burst("c").join(" "));
      await close();
      await end();
    },
  },
  {
    name: "an event that overtakes a slow answer is not undone by it",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({});
      const { page, close } = await open(browser, "about:blank", { path: "" });
      let release;
      let asked;
      const held = new Promise((done) => (release = done));
      const answered = new Promise((done) => (asked = done));
      await page.route("**/v1/jarvis/targets", async (route) => {
        const response = await route.fetch();
        asked();
        await held;
        await route.fulfill({ response });
      });
      await page.goto(`${base}/#/models`);
      await answered;
      await connected(page);
      mock.emit({ type: "target", target: { ...mock.targets[0], state: "hard_down", reason: "overtaken" } });
      // What was written to the stream before this request has arrived when it is answered.
      await page.evaluate(() => fetch("/healthz"));
      release();
      await page.getByText("overtaken").waitFor();
      await close();
      await end();
    },
  },
  {
    name: "after a restart of the server everything is fetched anew",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({ pace: 25, cards: 2 });
      const { page, close } = await open(browser, base);
      await connected(page);
      await page.waitForFunction(() => document.title === "(2) Jarvis");
      await say(page, "count to 120");
      await page.locator(".answer.live").getByText(/n5 n6/).waitFor();
      mock.approvals[0].status = "denied";
      mock.approvals[0].decided_by = "mia";
      const { conversation_id } = mock.messages.get([...mock.messages.keys()][0])[0];
      mock.store(conversation_id, { role: "event", text: "Something happened meanwhile." });
      mock.restart();
      await page.getByText("Something happened meanwhile.").waitFor();
      await page.waitForFunction(() => document.title === "(1) Jarvis");
      await page.getByText("Denied by mia").waitFor();
      assert.equal(await lastAnswer(page), COUNTED);
      assert.equal(await page.getByText(/n119 n120/).count(), 1);
      await close();
      await end();
    },
  },
  {
    name: "a page that comes in the middle shows no half answer",
    async run({ browser, start }) {
      const { base, close: end } = await start({ pace: 25 });
      const first = await open(browser, base, { hash: "#/chat/new" });
      await connected(first.page);
      await say(first.page, "count to 120");
      await first.page.locator(".answer.live").getByText(/n5 n6/).waitFor();
      const second = await open(browser, base, { hash: new URL(first.page.url()).hash });
      await second.page.getByText("An answer is being written. It appears here when it is complete.").waitFor();
      assert.equal(await lastAnswer(second.page), COUNTED);
      await Promise.all([first.close(), second.close()]);
      await end();
    },
  },
  {
    name: "a message that was not taken is kept, and sent once",
    async run({ browser, start }) {
      const { base, mock, close: end } = await start({});
      const { page, close } = await open(browser, base);
      await connected(page);
      let cut = true;
      await page.route("**/messages", (route) => (cut && route.request().method() === "POST" ? route.abort() : route.continue()));
      await page.getByLabel("Message", { exact: true }).fill("hello there");
      await page.keyboard.press("Enter");
      await page.getByText(/Not sent: Jarvis did not answer/).waitFor();
      await assertAccessible(page, "a message that was not sent");
      cut = false;
      await page.getByRole("button", { name: "Send again" }).click();
      await page.getByText("You said: hello there. All is well.").waitFor();
      const stored = [...mock.messages.values()].flat().filter((message) => message.text === "hello there");
      assert.equal(stored.length, 1);
      assert.equal(await page.locator(".said").getByText("hello there").count(), 1);
      await close();
      await end();
    },
  },
  {
    name: "a key is asked for, refused, used, kept in this tab and forgotten",
    async run({ browser, start, shots }) {
      const { base, close: end } = await start({ key: "jv-right" });
      for (const size of SIZES) {
        const { page, bad, close } = await open(browser, base, { size });
        const field = page.getByLabel("Key", { exact: true });
        await field.waitFor();
        assert.ok(await field.evaluate((element) => element === document.activeElement));
        if (shots) await page.screenshot({ path: `${shots}/${size.width}-key.png` });
        await assertAccessible(page, `key at ${size.width}`);
        await assertFits(page, `key at ${size.width}`);
        await page.getByText("jarvis key new").waitFor();
        await page.keyboard.type("jv-wrong");
        await page.keyboard.press("Enter");
        await page.getByText(/This key was not accepted/).waitFor();
        await field.fill("jv-right");
        await page.keyboard.press("Enter");
        await connected(page);
        await page.reload();
        await connected(page);
        const kept = await page.evaluate(() => [Object.keys(localStorage), document.cookie, location.href]);
        assert.deepEqual([kept[0], kept[1], kept[2].includes("jv-")], [[], "", false]);
        await page.goto(`${base}/#/models`);
        await page.getByRole("button", { name: "Forget the API key of this tab" }).click();
        await field.waitFor();
        assert.deepEqual(bad, []);
        await close();
      }
      await end();
    },
  },
];
