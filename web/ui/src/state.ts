/** What the page knows. Events change it here and nowhere else. */

import { batch, computed, signal } from "@preact/signals";
import type { Approval, Conversation, Message, ServerEvent, Status, Target, ToolLine } from "./types";
import { laterApproval } from "./words";

/** An answer that is being written. */
export interface LiveRun {
  run_id: string;
  conversation_id: string;
  text: string;
  /** False when the page came in the middle: the beginning of the text is not known, so it is not shown. */
  whole: boolean;
  tools: ToolLine[];
  finished: boolean;
  why: string | null;
}

/** A message of ours that the server has not stored yet. */
export interface Outgoing {
  /** Sent with each try, so that two tries are one message. */
  id: string;
  conversation_id: string;
  text: string;
  error: string | null;
}

export interface Thread {
  conversation_id: string | null;
  messages: Message[];
  /** There may be older messages on the server. */
  more: boolean;
  loading: boolean;
  error: string | null;
}

const MAX_RUNS = 50;
const MAX_ENDED = 200;

export const emptyThread: Thread = { conversation_id: null, messages: [], more: false, loading: false, error: null };
export const conversations = signal<Conversation[]>([]);
export const thread = signal<Thread>(emptyThread);
export const outgoing = signal<Outgoing[]>([]);
export const runs = signal<ReadonlyMap<string, LiveRun>>(new Map());
export const approvals = signal<ReadonlyMap<string, Approval>>(new Map());
export const targets = signal<Target[]>([]);
export const status = signal<Status | null>(null);
/** True from the first complete load on. */
export const loaded = signal(false);
/** What could not be loaded, as a sentence. */
export const loadError = signal<string | null>(null);
/** Ticks once a second, for countdowns. */
export const now = signal(Date.now());

export const pending = computed(() => [...approvals.value.values()].filter((card) => card.status === "pending"));
export const openRuns = computed(() =>
  [...runs.value.values()].filter((run) => run.conversation_id === thread.value.conversation_id),
);
export const answering = computed(() => openRuns.value.some((run) => !run.finished));

/** Runs whose final message is known: late pieces of them are void. */
const ended = new Set<string>();

/** Applies events in order. One without its documented shape is left out: it must not take the others with it. */
export function apply(events: ServerEvent[]): void {
  batch(() => {
    for (const event of events) {
      try {
        applyOne(event);
      } catch (error) {
        console.error("an event was not understood", error);
      }
    }
  });
}

function applyOne(event: ServerEvent): void {
  switch (event.type) {
    case "message":
      return addMessages([event.message]);
    case "run":
      return changeRun(event, (run) =>
        event.state === "started"
          ? { ...run, whole: true }
          : { ...run, finished: true, why: event.why ?? null, tools: run.tools.map(interrupted) },
      );
    case "delta":
      return changeRun(event, (run) => (run.whole ? { ...run, text: run.text + event.text } : run));
    case "reset":
      return changeRun(event, (run) => ({ ...run, whole: true, text: "" }));
    case "tool":
      return changeRun(event, (run) => ({ ...run, tools: withTool(run.tools, event) }));
    case "approval":
      return addApprovals([event.approval]);
    case "target":
      targets.value = targets.value.map((known) => (known.name === event.target.name ? event.target : known));
      return;
    case "config":
    case "reload":
      return;
  }
}

/** A run that ended cannot have a running call. */
function interrupted(line: ToolLine): ToolLine {
  return line.status === "running" ? { ...line, status: "interrupted" } : line;
}

function withTool(lines: ToolLine[], event: ToolLine): ToolLine[] {
  const { call_id, name, target, status, approval } = event;
  const line: ToolLine = { call_id, name, target, status, ...(approval ? { approval } : {}) };
  return lines.some((known) => known.call_id === line.call_id)
    ? lines.map((known) => (known.call_id === line.call_id ? line : known))
    : [...lines, line];
}

function changeRun(of: { run_id: string; conversation_id: string }, change: (run: LiveRun) => LiveRun): void {
  if (ended.has(of.run_id)) return;
  const all = new Map(runs.value);
  const { run_id, conversation_id } = of;
  const known = all.get(run_id);
  all.set(run_id, change(known ?? { run_id, conversation_id, text: "", whole: false, tools: [], finished: false, why: null }));
  const oldest = all.keys().next();
  if (all.size > MAX_RUNS && !oldest.done) all.delete(oldest.value);
  runs.value = all;
}

/** Adds or replaces stored messages. The final message of a run takes the place of what was streamed of it. */
export function addMessages(messages: Message[]): void {
  const here = messages.filter((message) => message.conversation_id === thread.value.conversation_id);
  if (here.length > 0) {
    const byId = new Map([...thread.value.messages, ...here].map((message) => [message.id, message]));
    const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    thread.value = { ...thread.value, messages: sorted };
  }
  for (const message of messages) {
    if (message.role === "assistant" && message.run_id !== null) endRun(message.run_id);
    if (message.role === "user") settle(message);
    touch(message);
  }
}

function endRun(runId: string): void {
  ended.add(runId);
  const oldest = ended.values().next();
  if (ended.size > MAX_ENDED && !oldest.done) ended.delete(oldest.value);
  if (!runs.value.has(runId)) return;
  const all = new Map(runs.value);
  all.delete(runId);
  runs.value = all;
}

/** A stored message of ours may arrive as an event before the request that sent it is answered. */
function settle(message: Message): void {
  const sent = outgoing.value.find(
    (mine) => mine.conversation_id === message.conversation_id && mine.error === null && mine.text === message.text,
  );
  if (sent) outgoing.value = outgoing.value.filter((mine) => mine !== sent);
}

/** A conversation with a new message comes first, and gets its title from the first one. */
function touch(message: Message): void {
  const known = conversations.value.find((one) => one.id === message.conversation_id);
  if (known && message.created_at <= known.updated_at && known.title !== "") return;
  const id = message.conversation_id;
  const created = known?.created_at ?? message.created_at;
  const title = known?.title || (message.role === "user" ? message.text.trim().slice(0, 80) : "");
  const newer = { id, title, created_at: created, updated_at: Math.max(message.created_at, known?.updated_at ?? 0) };
  conversations.value = [newer, ...conversations.value.filter((one) => one !== known)].sort(
    (a, b) => b.updated_at - a.updated_at,
  );
}

export function addApprovals(cards: Approval[]): void {
  const all = new Map(approvals.value);
  for (const card of cards) all.set(card.id, laterApproval(all.get(card.id), card));
  approvals.value = all;
}

/** Forgets the answers being written: after a gap in the events their text would have holes. */
export function forgetRuns(): void {
  runs.value = new Map();
}

/** Whether a call waits for a person still. A card that is not known yet was asked for a moment ago. */
export function waits(line: ToolLine, live: boolean): boolean {
  const card = approvals.value.get(line.approval ?? "");
  return card ? card.status === "pending" : live;
}
