/** Where a message is written: Enter sends, Shift and Enter break the line, Escape stops the answer. */

import { signal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { say, stop, stopping } from "./acts";
import { answering, thread } from "./state";

/** What is written and not sent, by conversation; the empty name is the conversation that does not exist yet. */
const drafts = signal<ReadonlyMap<string, string>>(new Map());
const busy = signal(false);

function write(conversation: string, text: string): void {
  drafts.value = new Map(drafts.value).set(conversation, text);
}

async function send(): Promise<void> {
  const conversation = thread.value.conversation_id ?? "";
  const text = (drafts.value.get(conversation) ?? "").trim();
  if (text === "" || busy.value) return;
  busy.value = true;
  const taken = await say(text);
  busy.value = false;
  if (taken) write(conversation, "");
}

function pressed(event: TargetedKeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void send();
}

export function Composer(): JSX.Element {
  const conversation = thread.value.conversation_id ?? "";
  return (
    <form class="composer" aria-label="Write to Jarvis" onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <label class="sr" for="say">Message</label>
      <textarea
        id="say" rows={1} value={drafts.value.get(conversation) ?? ""} dir="auto" autocomplete="off" placeholder="Message Jarvis"
        aria-describedby="say-help" readOnly={busy.value}
        onInput={(event) => write(conversation, event.currentTarget.value)} onKeyDown={pressed}
      />
      {answering.value && (
        <button type="button" class="button" onClick={() => void stop()} aria-keyshortcuts="Escape">
          {stopping.value ? "Stopping…" : "Stop"}
        </button>
      )}
      <button type="submit" class="button primary">Send</button>
      <p id="say-help" class="muted small">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> starts a line, <kbd>Esc</kbd> stops an answer
      </p>
    </form>
  );
}
