/** Where a message is written: Enter sends, Shift and Enter break the line, Escape stops the answer. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useRef, useState } from "preact/hooks";
import { say, stop, stopping } from "./acts";
import { answering, thread } from "./state";

/** A draft belongs to its conversation; it is kept while the page is open. */
const drafts = new Map<string, string>();

export function Composer(): JSX.Element {
  const id = thread.value.conversation_id ?? "";
  return <Draft key={id} id={id} />;
}

function Draft({ id }: { id: string }): JSX.Element {
  const [text, setText] = useState(drafts.get(id) ?? "");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const change = (value: string): void => {
    drafts.set(id, value);
    setText(value);
  };
  const send = async (): Promise<void> => {
    const said = text.trim();
    if (said === "" || busy) return;
    setBusy(true);
    const taken = await say(said);
    setBusy(false);
    if (taken) change("");
    else field.current?.focus();
  };
  const key = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void send();
  };
  return (
    <form class="composer" aria-label="Write to Jarvis" onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <label class="sr" for="say">Message</label>
      <textarea
        id="say" ref={field} rows={1} value={text} dir="auto" autocomplete="off" placeholder="Message Jarvis"
        aria-describedby="say-help" readOnly={busy}
        onInput={(event) => change(event.currentTarget.value)} onKeyDown={key}
      />
      {answering.value && (
        <button type="button" class="button" onClick={() => void stop()} aria-keyshortcuts="Escape">
          {stopping.value ? "Stopping…" : "Stop"}
        </button>
      )}
      <button type="submit" class="button primary">Send</button>
      <p id="say-help" class="muted small"><kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> starts a line, <kbd>Esc</kbd> stops an answer</p>
    </form>
  );
}
