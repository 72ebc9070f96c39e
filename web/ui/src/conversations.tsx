/** The list of conversations, newest first. */

import type { JSX } from "preact";
import { href, route } from "./route";
import { conversations, loaded, pending, runs, thread } from "./state";
import { clean, clock } from "./text";
import type { Conversation } from "./types";

export function Conversations({ as: As }: { as: "main" | "section" }): JSX.Element {
  const all = conversations.value;
  return (
    <As id={As === "main" ? "main" : undefined} class="panel conversations" tabIndex={0} aria-labelledby="conversations-title">
      <div class="view-head">
        <h2 id="conversations-title" tabIndex={-1}>Conversations</h2>
        <a class="button primary" href="#/chat/new">New<span class="sr"> conversation</span></a>
      </div>
      {all.length === 0 && <p class="muted">{loaded.value ? "None yet. Say something." : "Loading…"}</p>}
      <ul>{all.map((one) => <Item key={one.id} one={one} />)}</ul>
    </As>
  );
}

function Item({ one }: { one: Conversation }): JSX.Element {
  const here = route.value.view === "chat" && thread.value.conversation_id === one.id;
  const busy = [...runs.value.values()].some((run) => run.conversation_id === one.id && !run.finished);
  const waits = pending.value.some((card) => card.conversation_id === one.id);
  const state = waits ? "waits for you" : busy ? "answering" : clock(one.updated_at, Date.now());
  return (
    <li>
      <a href={href({ view: "chat", conversation: one.id })} aria-current={here ? "page" : undefined}>
        <bdi class="title">{clean(one.title).replace(/\s+/g, " ") || "New conversation"}</bdi>
        <span class="muted small">{state}</span>
      </a>
    </li>
  );
}
