/** States in words, so that no state is told by colour or shape alone. */

import { countdown, exact } from "./text";
import type { Approval, ApprovalStatus, Target, ToolLine } from "./types";

/** `list_containers ✓`, `docker_action web: waiting for approval K7QX`; `waits` says that the card is still open. */
export function toolText(line: ToolLine, waits: boolean): string {
  const name = exact(line.target ? `${line.name} ${line.target}` : line.name);
  switch (line.status) {
    case "running":
      return `${name}: running…`;
    case "ok":
      return `${name} ✓`;
    case "error":
      return `${name}: failed`;
    case "denied":
      return `${name}: denied`;
    case "pending":
      return `${name}: ${waits ? "waiting for" : "asked for"} approval ${exact(line.approval ?? "")}`.trimEnd();
    case "interrupted":
      return `${name}: interrupted`;
    case "skipped":
      return `${name}: skipped`;
  }
}

const BOUNDS: Record<string, string> = {
  cancelled: "Stopped by you.",
  model_calls: "Stopped: this turn reached its limit of model calls.",
  tool_calls: "Stopped: this turn reached its limit of tool calls.",
  wall_clock: "Stopped: this turn reached its time limit.",
  errors: "Stopped: too many errors in a row.",
  repeats: "Stopped: the same call was repeated without progress.",
  failed: "This turn failed.",
  shutdown: "Stopped: Jarvis was shut down.",
};

/** Why a turn ended, when it did not end with an answer. */
export function whyText(why: string | null | undefined): string | null {
  if (!why || why === "answered") return null;
  return BOUNDS[why] ?? `Stopped: ${exact(why)}.`;
}

const RANK: Record<ApprovalStatus, number> = {
  pending: 0, approved: 1, denied: 3, expired: 3, executing: 2, done: 3, failed: 3, stale: 3,
};

/** The later of two versions of one card: a card never goes back. */
export function laterApproval(known: Approval | undefined, other: Approval): Approval {
  return known && RANK[known.status] > RANK[other.status] ? known : other;
}

/** The act was not done, so it can be asked for again. */
export function canAskAgain(card: Approval): boolean {
  return card.status === "expired" || card.status === "stale" || card.status === "failed" || card.status === "denied";
}

/** What became of a card: `Approved by owner, being done now`. */
export function approvalText(card: Approval): string {
  const by = card.decided_by ? ` by ${exact(card.decided_by)}` : "";
  switch (card.status) {
    case "pending":
      return "Waiting for a decision";
    case "approved":
      return `Approved${by}, about to be done`;
    case "executing":
      return `Approved${by}, being done now`;
    case "done":
      return `Approved${by} and done`;
    case "failed":
      return `Approved${by}, but it failed`;
    case "denied":
      return `Denied${by}`;
    case "expired":
      return "Expired without a decision";
    case "stale":
      return "Not done: things changed since the plan was made. Ask again.";
  }
}

/** What came of the act, in the tool's own words, as Markdown. */
export function outcomeText(card: Approval): string | null {
  const outcome = card.outcome;
  return outcome?.summary ?? outcome?.error ?? outcome?.reason ?? outcome?.says ?? null;
}

/** A target's state and, when it is left alone, how long still. */
export function targetText(target: Target, now: number): string {
  switch (target.state) {
    case "closed":
      return "In use";
    case "open":
      if (target.open_until === null) return "Left alone for now";
      return target.open_until > now ? `Left alone, next try in ${countdown(target.open_until, now)}` : "Left alone, next try is due";
    case "half_open":
      return "Being tried";
    case "hard_down":
      return "Down until someone acts: wrong key or no money";
    case "missing":
      return "The host does not have this model";
  }
}

const WARMTH: Record<Target["warmth"], string | null> = {
  unknown: null,
  cold: "not loaded",
  loading: "being loaded",
  warm_slow: "loaded, partly in slow memory",
  warm: "loaded",
};

/** What is known of a target beside its state: loaded or not, context, speed. */
export function knownText(target: Target): string {
  const { context, rates } = target;
  const tokens = context.effective ?? context.max;
  const parts = [
    WARMTH[target.warmth],
    tokens === null ? null : `reads up to ${tokens} tokens`,
    rates.answer === null ? null : `writes ${Math.round(rates.answer)} tokens a second`,
    target.capabilities === null ? null : `can do ${target.capabilities.map(exact).join(", ")}`,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}
