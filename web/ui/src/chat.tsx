/** The conversation: stored messages, the answer that is being written, and what is on its way. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { deliver, discard, say } from "./acts";
import { Composer } from "./composer";
import { loadOlder, loadThread } from "./load";
import { Markdown } from "./markdown";
import { answering, openRuns, outgoing, pending, thread, waits, type LiveRun, type Outgoing } from "./state";
import { clean, clock, exact } from "./text";
import type { Message, ToolLine } from "./types";
import { toolText, whyText } from "./words";

/** Nearer to the end than this, the view follows what is written. */
const FOLLOW_PX = 80;
/** Nearer to the beginning than this, older messages are fetched. */
const OLDER_PX = 120;

export function Chat({ notice }: { notice: boolean }): JSX.Element {
  return (
    <main id="main" class="panel chat" aria-labelledby="chat-title">
      <h2 id="chat-title" class="sr" tabIndex={-1}>Conversation</h2>
      <Log />
      {notice && pending.value.length > 0 && <Notice />}
      <Composer />
    </main>
  );
}

/** On narrow pages the cards are on a view of their own; this line leads there. */
function Notice(): JSX.Element {
  const cards = pending.value;
  const first = cards[0];
  return (
    <a class="notice" href="#/approvals">
      <span>{cards.length === 1 ? `Waiting for you: ${exact(first?.plan.title ?? "")}` : `${cards.length} acts wait for you`}</span>
      <span class="go">Decide</span>
    </a>
  );
}

function Log(): JSX.Element {
  const log = useRef<HTMLElement>(null);
  const follow = useRef(true);
  const height = useRef(0);
  const { messages, more, loading, error, conversation_id } = thread.value;
  const live = openRuns.value;
  const sent = outgoing.value.filter((mine) => mine.conversation_id === conversation_id);
  const first = useRef<string | undefined>(undefined);

  useLayoutEffect(() => {
    follow.current = true;
  }, [conversation_id, sent.length]);
  useLayoutEffect(() => {
    const element = log.current;
    if (!element) return;
    const prepended = first.current !== undefined && messages[0]?.id !== first.current;
    if (follow.current) element.scrollTop = element.scrollHeight;
    else if (prepended) element.scrollTop += element.scrollHeight - height.current;
    height.current = element.scrollHeight;
    first.current = messages[0]?.id;
  });
  const scrolled = (): void => {
    const element = log.current;
    if (!element) return;
    follow.current = element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX;
    if (element.scrollTop < OLDER_PX) void loadOlder();
  };
  const empty = messages.length + live.length + sent.length === 0;
  return (
    <section
      ref={log} class="log" role="log" aria-live="polite" aria-label="Messages" tabIndex={0} onScroll={scrolled}
      aria-busy={answering.value || loading}
    >
      {more && <button type="button" class="button quiet older" onClick={() => void loadOlder()}>{loading ? "Loading…" : "Older messages"}</button>}
      {empty && !loading && !error && <Welcome />}
      {loading && messages.length === 0 && <p class="muted center">Loading the conversation…</p>}
      {messages.map((message) => <Stored key={message.id} message={message} />)}
      {sent.map((mine) => <Sending key={mine.id} mine={mine} />)}
      {live.map((run) => <Live key={run.run_id} run={run} />)}
      {error && (
        <div class="problem" role="alert">
          <p dir="auto">{exact(error)}</p>
          {conversation_id !== null && <button type="button" class="button" onClick={() => void loadThread(false)}>Load again</button>}
        </div>
      )}
    </section>
  );
}

function Welcome(): JSX.Element {
  return (
    <div class="welcome">
      <img src="icon.svg" alt="" width="144" height="144" />
      <p class="lead">What shall we look after?</p>
      <p class="muted">Ask about your machines in plain words.</p>
      <div class="row">
        {["what is running here?", "status", "help"].map((text) => (
          <button key={text} type="button" class="button" onClick={() => void say(text)}>{text}</button>
        ))}
      </div>
    </div>
  );
}

function Stored({ message }: { message: Message }): JSX.Element {
  const at = clock(message.created_at, Date.now());
  const iso = new Date(message.created_at).toISOString();
  if (message.role === "user") {
    return (
      <article class="said" aria-label={`You, ${at}`}>
        <p class="plain" dir="auto">{clean(message.text)}</p>
        <time class="muted small" dateTime={iso}>{at}</time>
      </article>
    );
  }
  const event = message.role === "event";
  const why = whyText(message.detail?.why);
  return (
    <article class={event ? "happened" : "answer"} aria-label={event ? `Event, ${at}` : `Jarvis, ${at}`}>
      <ToolsLine lines={message.detail?.tools ?? []} live={false} />
      <Markdown text={message.text} />
      {why && <p class="why">{why}</p>}
      <p class="muted small">
        {event ? "Event · " : ""}<time dateTime={iso}>{at}</time>
        {message.detail?.target ? <> · <bdi>{exact(message.detail.target)}</bdi></> : null}
      </p>
    </article>
  );
}

function Live({ run }: { run: LiveRun }): JSX.Element {
  const why = whyText(run.why);
  return (
    <article class="answer live" aria-label="Jarvis, answering">
      <ToolsLine lines={run.tools} live={!run.finished} />
      {run.text !== "" && <Markdown text={run.text} />}
      {!run.whole && !run.finished && <p class="muted">An answer is being written. It appears here when it is complete.</p>}
      {run.finished ? why && <p class="why">{why}</p> : <p class="working muted small"><span class="pulse" aria-hidden="true" />Jarvis is answering…</p>}
    </article>
  );
}

function Sending({ mine }: { mine: Outgoing }): JSX.Element {
  return (
    <article class="said" aria-label="You, being sent">
      <p class="plain" dir="auto">{clean(mine.text)}</p>
      {mine.error === null ? <p class="muted small">Sending…</p> : (
        <div class="problem" role="alert">
          <p>Not sent: {exact(mine.error)}</p>
          <div class="row">
            <button type="button" class="button" onClick={() => void deliver(mine)}>Send again</button>
            <button type="button" class="button quiet" onClick={() => discard(mine)}>Discard</button>
          </div>
        </div>
      )}
    </article>
  );
}

function ToolsLine({ lines, live }: { lines: ToolLine[]; live: boolean }): JSX.Element | null {
  if (lines.length === 0) return null;
  return (
    <p class="tools small">
      <span class="sr">Tools: </span>
      {lines.map((line, index) => (
        <span key={line.call_id}>
          {index > 0 && " · "}
          <bdi class={`tool ${line.status}`}>{toolText(line, waits(line, live))}</bdi>
        </span>
      ))}
    </p>
  );
}
