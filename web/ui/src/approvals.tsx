/** Approval cards. A card stays until the page is closed; once decided it is one line that opens. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { askAgain, decide, notes } from "./acts";
import { Icon } from "./icon";
import { Markdown } from "./markdown";
import { approvals, loaded, now, pending } from "./state";
import { countdown, exact } from "./text";
import type { Approval } from "./types";
import { approvalText, canAskAgain, outcomeText } from "./words";

/** A click this soon after the cards moved may have been meant for another card. */
const SETTLE_MS = 400;
let movedAt = 0;
/** Arguments up to this length are shown without being asked for. */
const SHORT = 240;
/** Arguments up to this length fit one line, which leaves the buttons in sight. */
const ONE_LINE = 60;

export function Approvals({ as: As }: { as: "main" | "aside" }): JSX.Element {
  // Oldest first: a new card never moves the one under the pointer.
  const cards = [...approvals.value.values()].sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1));
  const shape = cards.map((card) => `${card.id}${card.status === "pending"}`).join();
  useLayoutEffect(() => {
    movedAt = performance.now();
  }, [shape]);
  const open = pending.value.length;
  return (
    <As id={As === "main" ? "main" : "approvals"} class="panel approvals" tabIndex={0} aria-labelledby="approvals-title">
      <h2 id="approvals-title" tabIndex={-1}>Approvals{open > 0 && <span class="count"> {open} open</span>}</h2>
      {cards.length === 0 && <p class="muted">{loaded.value ? "Nothing waits for you. Acts that need a decision appear here." : "Loading…"}</p>}
      {cards.map((card) => <Card key={card.id} card={card} />)}
    </As>
  );
}

/** Says new cards aloud once, wherever the reader is; the focus stays where they are typing. */
export function ApprovalVoice(): JSX.Element {
  const newest = pending.value.at(-1);
  return (
    <p class="sr" role="status">
      {newest ? `Approval ${newest.id} waits for a decision: ${exact(newest.plan.title)}.` : ""}
    </p>
  );
}

function Card({ card }: { card: Approval }): JSX.Element {
  const element = useRef<HTMLElement>(null);
  const wasPending = useRef(card.status === "pending");
  const hadFocus = useRef(false);
  const isPending = card.status === "pending";
  // The buttons go with the decision: who pressed one finds the focus on the line that is left.
  useLayoutEffect(() => {
    if (wasPending.current && !isPending && hadFocus.current) element.current?.querySelector("summary")?.focus();
    wasPending.current = isPending;
  }, [isPending]);
  const name = `Approval ${card.id}: ${exact(card.plan.title)}`;
  return (
    <article
      ref={element} class={`card ${card.status}`} aria-label={name}
      onFocusIn={() => (hadFocus.current = true)}
      onFocusOut={(event) => (hadFocus.current = event.relatedTarget === null && hadFocus.current)}
    >
      {isPending ? <Open card={card} /> : <Decided card={card} />}
      <Said id={card.id} />
    </article>
  );
}

function Said({ id }: { id: string }): JSX.Element {
  const note = notes.value.get(id);
  return <p class={note?.bad ? "note bad" : "note"} role="status" dir="auto">{note ? exact(note.text) : ""}</p>;
}

function Open({ card }: { card: Approval }): JSX.Element {
  const title = exact(card.plan.title);
  const busy = notes.value.get(card.id)?.busy ?? false;
  const left = card.expires_at - now.value;
  const choose = (yes: boolean) => (event: MouseEvent): void => {
    // `detail` is 0 when a key was pressed.
    if (event.detail > 0 && performance.now() - movedAt < SETTLE_MS) return;
    void decide(card, yes);
  };
  return (
    <>
      <div class="card-head">
        <h3><bdi>{title}</bdi></h3>
        <code class="code-id">{card.id}</code>
      </div>
      <p class="small"><span class={`effect ${card.effect === "destructive" ? "hard" : ""}`}>{exact(card.effect)}</span>{" "}
        <span class="muted">asked by <bdi>{exact(card.requested_by ?? "nobody known")}</bdi></span></p>
      <Plan card={card} />
      <p class="small">{left > 0 ? <>Decide within <span class="figure">{countdown(card.expires_at, now.value)}</span></> : "The time for this decision seems to be over."}
        {card.need > 1 && ` It takes ${card.need} approvals.`}</p>
      <div class="choices">
        <button type="button" class={card.effect === "destructive" ? "button yes hard" : "button yes"} aria-disabled={busy} onClick={choose(true)}><span>Approve: <bdi>{title}</bdi></span></button>
        <button type="button" class="button no" aria-disabled={busy} onClick={choose(false)}>Deny<span class="sr">: {title}</span></button>
      </div>
    </>
  );
}

function Decided({ card }: { card: Approval }): JSX.Element {
  const outcome = outcomeText(card);
  return (
    <details>
      <summary>
        <span class="decided"><bdi>{exact(card.plan.title)}</bdi> <span class="muted">{approvalText(card)}</span></span>
      </summary>
      {outcome && <Markdown text={outcome} />}
      <Plan card={card} />
      {canAskAgain(card) && (
        <button type="button" class="button" onClick={() => void askAgain(card)}>Ask again<span class="sr">: {exact(card.plan.title)}</span></button>
      )}
    </details>
  );
}

/** A line of a plan, with what stands between two backticks as a name. */
function Names({ text }: { text: string }): JSX.Element {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return <>{exact(text)}</>;
  return <>{parts.map((part, at) => (at % 2 === 1 ? <code key={at}>{exact(part)}</code> : exact(part)))}</>;
}

function Plan({ card }: { card: Approval }): JSX.Element {
  const { says, before, after, undo } = card.plan;
  const lines = JSON.stringify(card.arguments, null, 2) ?? "none";
  // No line of JSON ends within a string, so joining them changes nothing but the look.
  const line = lines.replace(/\n */g, " ");
  const given = exact(line.length <= ONE_LINE ? line : lines);
  return (
    <>
      {(says ?? []).map((line, at) => <p key={at} class="plan-line" dir="auto"><Names text={line} /></p>)}
      {(before || after) && (
        <div class="change">
          <p dir="auto"><span class="label">Before</span>{exact(before ?? "not known")}</p>
          <Icon shape="arrow" />
          <p dir="auto"><span class="label">After</span>{exact(after ?? "not known")}</p>
        </div>
      )}
      {undo && <p class="small" dir="auto"><span class="muted">To undo: </span>{exact(undo)}</p>}
      <details class="arguments" open={given.length <= SHORT}>
        <summary>Arguments of <bdi>{exact(card.tool)}</bdi></summary>
        <pre tabIndex={0} role="region" aria-label={`Arguments of ${exact(card.tool)}`} dir="ltr">{given}</pre>
      </details>
    </>
  );
}
