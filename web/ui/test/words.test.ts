import assert from "node:assert/strict";
import { test } from "node:test";
import type { Approval, ApprovalStatus, Target, ToolLine, ToolStatus } from "../src/types";
import { approvalText, knownText, laterApproval, outcomeText, targetText, toolText, whyText } from "../src/words";

const line = (status: ToolStatus, target: string | null = "web"): ToolLine => ({ call_id: "c", name: "docker_action", target, status });

test("one line says what became of a call", () => {
  const rows: [ToolLine, boolean, string][] = [
    [line("running"), false, "docker_action web: running…"],
    [line("ok", null), false, "docker_action ✓"],
    [line("error"), false, "docker_action web: failed"],
    [line("denied"), false, "docker_action web: denied"],
    [{ ...line("pending"), approval: "K7QX" }, true, "docker_action web: waiting for approval K7QX"],
    [{ ...line("pending"), approval: "K7QX" }, false, "docker_action web: asked for approval K7QX"],
    [line("pending"), true, "docker_action web: waiting for approval"],
    [line("interrupted"), false, "docker_action web: interrupted"],
    [line("skipped"), false, "docker_action web: skipped"],
    [line("ok", "a\u202eb"), false, "docker_action a\\u{202e}b ✓"],
  ];
  for (const [given, waits, expect] of rows) assert.equal(toolText(given, waits), expect);
});

test("why a turn ended", () => {
  const rows: [string | null | undefined, string | null][] = [
    ["answered", null],
    [null, null],
    [undefined, null],
    ["cancelled", "Stopped by you."],
    ["wall_clock", "Stopped: this turn reached its time limit."],
    ["something new", "Stopped: something new."],
  ];
  for (const [given, expect] of rows) assert.equal(whyText(given), expect);
});

function card(status: ApprovalStatus, changes: Partial<Approval> = {}): Approval {
  return {
    id: "K7QX", tool: "docker_action", arguments: {}, effect: "destructive", rule: "destructive", plan: { title: "stop container web" },
    status, requested_by: "owner", conversation_id: null, need: 1, created_at: 0, expires_at: 0, decided_by: null, decided_at: null,
    executed_at: null, outcome: null, ...changes,
  };
}

test("what became of a card", () => {
  const rows: [Approval, string][] = [
    [card("pending"), "Waiting for a decision"],
    [card("approved", { decided_by: "owner" }), "Approved by owner, about to be done"],
    [card("executing"), "Approved, being done now"],
    [card("done", { decided_by: "owner" }), "Approved by owner and done"],
    [card("failed", { decided_by: "owner" }), "Approved by owner, but it failed"],
    [card("denied", { decided_by: "mia" }), "Denied by mia"],
    [card("expired"), "Expired without a decision"],
    [card("stale"), "Not done: things changed since the plan was made. Ask again."],
  ];
  for (const [given, expect] of rows) assert.equal(approvalText(given), expect);
});

test("a card never goes back", () => {
  const order: ApprovalStatus[] = ["pending", "approved", "executing", "done"];
  for (const [at, later] of order.entries()) {
    for (const earlier of order.slice(0, at)) {
      assert.equal(laterApproval(card(later), card(earlier)).status, later);
      assert.equal(laterApproval(card(earlier), card(later)).status, later);
    }
  }
  assert.equal(laterApproval(undefined, card("pending")).status, "pending");
});

test("the outcome in the tool's words", () => {
  const rows: [Approval["outcome"], string | null][] = [
    [null, null],
    [{ status: "ok", summary: "web is exited" }, "web is exited"],
    [{ status: "error", error: "no such container" }, "no such container"],
    [{ status: "denied", reason: "not by you" }, "not by you"],
    [{ status: "interrupted", says: "the server stopped" }, "the server stopped"],
  ];
  for (const [outcome, expect] of rows) assert.equal(outcomeText(card("done", { outcome })), expect);
});

const TARGET: Target = {
  name: "gpu/a", backend: "gpu", model: "a", kind: "ollama", class: "gpu", aliases: [], state: "closed", reason: null, open_until: null,
  breakers: { backend: { forced: null }, model: { forced: null } }, warmth: "unknown", capabilities: null,
  context: { effective: null, max: null }, rates: { prompt: null, answer: null }, version: null,
};

test("a target's state in words", () => {
  const rows: [Target["state"], number | null, string][] = [
    ["closed", null, "In use"],
    ["open", 75_000, "Left alone, next try in 1:15"],
    ["open", 0, "Left alone, next try is due"],
    ["open", null, "Left alone for now"],
    ["half_open", null, "Being tried"],
    ["hard_down", null, "Down until someone acts: wrong key or no money"],
    ["missing", null, "The host does not have this model"],
  ];
  for (const [state, open_until, expect] of rows) {
    assert.equal(targetText({ ...TARGET, state, open_until }, 0), expect);
  }
});

test("what is known of a target in words", () => {
  const rows: [Partial<Target>, string][] = [
    [{}, ""],
    [{ warmth: "cold", context: { effective: null, max: 40960 } }, "not loaded · reads up to 40960 tokens"],
    [
      { warmth: "warm", context: { effective: 8192, max: 40960 }, rates: { prompt: 900, answer: 41.6 }, capabilities: ["completion", "tools"] },
      "loaded · reads up to 8192 tokens · writes 42 tokens a second · can do completion, tools",
    ],
  ];
  for (const [given, expect] of rows) assert.equal(knownText({ ...TARGET, ...given }), expect);
});
