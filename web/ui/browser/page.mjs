// A real browser, and what every page is held to: no dialogs, no requests to elsewhere, no errors, axe without findings.
import axe from "axe-core";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

export const SIZES = [{ width: 1280, height: 800 }, { width: 360, height: 740 }];

export async function launch() {
  assert.ok(existsSync(CHROMIUM), `the browser tests need Chromium: apt-get install chromium, or set CHROMIUM (looked at ${CHROMIUM})`);
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

/** A page that remembers everything that must not happen. */
export async function open(browser, base, { size = SIZES[0], key = null, path = "/", hash = "", script = null } = {}) {
  const context = await browser.newContext({ viewport: size, reducedMotion: "reduce" });
  if (key) await context.addInitScript((value) => sessionStorage.setItem("jarvis.key", value), key);
  if (script) await context.addInitScript(script);
  const page = await context.newPage();
  const bad = [];
  page.on("dialog", (dialog) => {
    bad.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("popup", (popup) => bad.push(`popup: ${popup.url()}`));
  page.on("pageerror", (error) => bad.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (base !== "about:blank" && new URL(request.url()).origin !== new URL(base).origin && !request.url().startsWith("data:")) bad.push(`request: ${request.url()}`);
  });
  page.on("console", (message) => {
    // The browser itself reports refused and broken requests; the scenarios judge what the page makes of them.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) bad.push(`console: ${message.text()}`);
  });
  await page.goto(`${base}${path}${hash}`);
  return { page, bad, close: () => context.close() };
}

export async function assertAccessible(page, where) {
  // A line that is cut by the edge of a scrolled panel lies over its neighbour as axe sees it: undecidable contrast.
  await page.evaluate(() => document.querySelectorAll("main, aside").forEach((panel) => (panel.scrollTop = 0)));
  await page.evaluate(axe.source);
  const { violations, incomplete } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: { type: "tag", values: tags } }), TAGS);
  const told = (found) => found.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")} ${node.any.concat(node.all, node.none).map((check) => check.message).join("; ")}`));
  assert.deepEqual({ violations: told(violations), incomplete: told(incomplete) }, { violations: [], incomplete: [] }, where);
}

export async function assertFits(page, where) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${where}: ${wider} px wider than the page`);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, nav a, summary, input, textarea")]
      .filter((element) => element.checkVisibility())
      .map((element) => ({ name: element.textContent.slice(0, 40), box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.height < 43.5 || box.width < 43.5)
      .map(({ name, box }) => `${name} ${Math.round(box.width)} x ${Math.round(box.height)}`));
  assert.deepEqual(small, [], `${where}: targets below 44 px`);
}

/** Presses Tab until `locator` has the focus, which must be visible. */
export async function tabTo(page, locator, limit = 60) {
  for (let pressed = 0; pressed < limit; pressed += 1) {
    await page.keyboard.press("Tab");
    if (await locator.evaluate((element) => element === document.activeElement)) {
      const outline = await locator.evaluate((element) => parseFloat(getComputedStyle(element).outlineWidth));
      assert.ok(outline >= 2, "the focus is visible");
      return;
    }
  }
  assert.fail(`not reached with Tab: ${locator}`);
}

export async function connected(page) {
  await page.getByText("Connected", { exact: true }).waitFor();
}

export const log = (page) => page.getByRole("log", { name: "Messages" });

/** Says something with the keyboard and waits until the console shows it. */
export async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
  await log(page).getByText(text, { exact: true }).last().waitFor();
}

/** The whole text of the last answer, once no answer is being written. */
export async function lastAnswer(page) {
  // While the answer has not begun, nothing is live either.
  await page.locator(".answer:not(.live) .prose").last().waitFor();
  await page.locator(".answer.live").waitFor({ state: "detached" });
  return page.locator(".answer .prose").last().innerText();
}
