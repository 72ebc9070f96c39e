/** Fetches what the page shows, and joins it with the events that arrive meanwhile. */

import { batch } from "@preact/signals";
import { ApiError, get, sentence } from "./api";
import {
  addApprovals, addMessages, apply, approvals, conversations, emptyThread, forgetRuns, loadError, loaded, pending,
  status, targets, thread,
} from "./state";
import type { Approval, Conversation, Message, ServerEvent, Status, Target } from "./types";

const PAGE = 50;
const MAX_HELD = 20_000;

/** Counts the loads: an answer to an earlier one is dropped. */
let load = 0;
/** Events that arrived during a load are applied after it, in order: each holds the whole new state of its subject. */
let held: ServerEvent[] | null = null;
/** The last load failed in part: the next connection loads again. */
let incomplete = false;

/** Takes the data lines of events. A line that is not JSON is dropped, because the next message repairs the view. */
export function receive(lines: string[]): void {
  const events = lines.flatMap((line): ServerEvent[] => {
    try {
      return [JSON.parse(line) as ServerEvent];
    } catch {
      return [];
    }
  });
  for (const event of events) {
    if (event.type === "reload" || event.type === "config") void loadAll();
    else if (held !== null && held.length < MAX_HELD) held.push(event);
    else apply([event]);
  }
}

/** A connection was made: everything is fetched when its events do not follow on what is known. */
export function connected(fresh: boolean): void {
  if (fresh || incomplete) void loadAll();
}

export async function loadAll(): Promise<void> {
  load += 1;
  const mine = load;
  held = [];
  forgetRuns();
  const failures: unknown[] = [];
  const take = async <T>(path: string, use: (body: T) => void): Promise<void> => {
    try {
      const body = await get<T>(path);
      if (mine === load) batch(() => use(body));
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all([
    take<{ conversations: Conversation[] }>(`/conversations?limit=${PAGE}`, (body) => (conversations.value = body.conversations)),
    take<{ approvals: Approval[] }>("/approvals?status=pending", (body) => takeApprovals(body.approvals)),
    take<{ targets: Target[] }>("/targets", (body) => (targets.value = body.targets)),
    take<Status>("/status", (body) => (status.value = body)),
    thread.value.conversation_id === null ? null : loadThread(true),
  ]);
  if (mine !== load) return;
  const waiting = held ?? [];
  held = null;
  incomplete = failures.length > 0;
  batch(() => {
    loaded.value ||= failures.length === 0;
    loadError.value = incomplete ? sentence(failures[0]) : null;
    apply(waiting);
  });
}

/** Cards that are no longer pending on the server are asked for one by one: they stay on the page with their end. */
function takeApprovals(open: Approval[]): void {
  const gone = pending.value.filter((card) => !open.some((other) => other.id === card.id));
  addApprovals(open);
  for (const card of gone) void loadApproval(card.id);
}

export async function loadApproval(id: string): Promise<void> {
  try {
    addApprovals([await get<Approval>(`/approvals/${encodeURIComponent(id)}`)]);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      approvals.value = new Map([...approvals.value].filter(([known]) => known !== id));
    }
  }
}

/** Shows a conversation, or none: the next message then starts one. */
export function openConversation(id: string | null): void {
  if (thread.value.conversation_id === id) return;
  thread.value = { ...emptyThread, conversation_id: id };
  if (id !== null) void loadThread(false);
}

/** Fetches the newest messages; `anew` drops what is shown, because there may be a hole. */
export async function loadThread(anew: boolean): Promise<void> {
  await page(null, anew);
}

/** Fetches the messages before the first one shown. */
export async function loadOlder(): Promise<void> {
  const { messages, more, loading } = thread.value;
  const first = messages[0];
  if (more && !loading && first) await page(first.id, false);
}

async function page(before: string | null, anew: boolean): Promise<void> {
  const id = thread.value.conversation_id;
  if (id === null) return;
  thread.value = { ...thread.value, loading: true, error: null };
  const query = before === null ? "" : `&before=${encodeURIComponent(before)}`;
  try {
    const path = `/conversations/${encodeURIComponent(id)}/messages?limit=${PAGE}${query}`;
    const { messages } = await get<{ messages: Message[] }>(path);
    if (thread.value.conversation_id !== id) return;
    batch(() => {
      const kept = anew ? [] : thread.value.messages;
      thread.value = { ...thread.value, messages: kept, loading: false, more: messages.length >= PAGE };
      addMessages(messages);
    });
  } catch (error) {
    if (thread.value.conversation_id !== id) return;
    thread.value = { ...thread.value, loading: false, error: sentence(error) };
  }
}
