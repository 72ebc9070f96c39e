/** What a person does here: say, stop, decide. */

import { signal } from "@preact/signals";
import { ApiError, post, sentence } from "./api";
import { loadApproval } from "./load";
import { go } from "./route";
import { addApprovals, addMessages, answering, approvals, conversations, emptyThread, outgoing, targets, thread, type Outgoing } from "./state";
import type { Approval, Conversation, Message, Target } from "./types";

/** Sends text to the open conversation, or to a new one. Answers whether the text was taken over. */
export async function say(text: string): Promise<boolean> {
  let id = thread.value.conversation_id;
  try {
    id ??= await startConversation();
  } catch (error) {
    thread.value = { ...thread.value, error: sentence(error) };
    return false;
  }
  const mine: Outgoing = { id: randomId(), conversation_id: id, text, error: null };
  outgoing.value = [...outgoing.value, mine];
  void deliver(mine);
  return true;
}

async function startConversation(): Promise<string> {
  const made = await post<Conversation>("/conversations", {});
  if (!conversations.value.some((one) => one.id === made.id)) conversations.value = [made, ...conversations.value];
  thread.value = { ...emptyThread, conversation_id: made.id };
  go({ view: "chat", conversation: made.id });
  return made.id;
}

export async function deliver(mine: Outgoing): Promise<void> {
  const set = (error: string | null): void => {
    outgoing.value = outgoing.value.map((one) => (one.id === mine.id ? { ...one, error } : one));
  };
  set(null);
  try {
    const path = `/conversations/${encodeURIComponent(mine.conversation_id)}/messages`;
    const { message } = await post<{ message: Message }>(path, { text: mine.text, id: mine.id });
    outgoing.value = outgoing.value.filter((one) => one.id !== mine.id);
    addMessages([message]);
  } catch (error) {
    set(sentence(error));
  }
}

export function discard(mine: Outgoing): void {
  outgoing.value = outgoing.value.filter((one) => one.id !== mine.id);
}

/** Set while a stop was asked for; cleared with the end of the turn. */
export const stopping = signal<string | null>(null);

export async function stop(): Promise<void> {
  const id = thread.value.conversation_id;
  if (id === null || !answering.value) return;
  stopping.value = id;
  try {
    await post(`/conversations/${encodeURIComponent(id)}/cancel`, {});
  } catch (error) {
    thread.value = { ...thread.value, error: `Not stopped: ${sentence(error)}` };
  } finally {
    stopping.value = null;
  }
}

/** What is said in a card about one's own decision. */
export interface Note {
  busy: boolean;
  bad: boolean;
  text: string;
}

export const notes = signal<ReadonlyMap<string, Note>>(new Map());

function note(id: string, value: Note): void {
  notes.value = new Map(notes.value).set(id, value);
}

export async function decide(asked: Approval, yes: boolean): Promise<void> {
  const { id } = asked;
  if (notes.value.get(id)?.busy) {
    return note(id, { busy: true, bad: false, text: "Your decision was sent already. Waiting for the server." });
  }
  note(id, { busy: true, bad: false, text: yes ? "Sending your approval…" : "Sending your denial…" });
  try {
    const decided = await post<Approval>(`/approvals/${encodeURIComponent(id)}`, { yes });
    addApprovals([decided]);
    const open = decided.status === "pending";
    note(id, { busy: false, bad: false, text: open ? `Your vote counts. It takes ${decided.need}.` : "" });
  } catch (error) {
    note(id, { busy: false, bad: true, text: refusal(error, id) });
    if (error instanceof ApiError && [404, 409, 410].includes(error.status)) void loadApproval(id);
  }
}

/** How long a target is held when it is held here; `jarvis targets` takes any time. */
export const HELD_MINUTES = 10;

/** Holds a target open or closed for a while, or lets go of it. The change comes as an event too. */
export async function force(target: Target, to: "open" | "reset"): Promise<void> {
  const id = target.name;
  if (notes.value.get(id)?.busy) return;
  note(id, { busy: true, bad: false, text: "Asking…" });
  const model = target.model.split("/").map(encodeURIComponent).join("/");
  const seconds = to === "open" ? HELD_MINUTES * 60 : null;
  try {
    const changed = await post<{ targets: Target[] }>(`/targets/${encodeURIComponent(target.backend)}/${model}`, { to, seconds });
    targets.value = targets.value.map((known) => changed.targets.find((one) => one.name === known.name) ?? known);
    note(id, { busy: false, bad: false, text: "" });
  } catch (error) {
    note(id, { busy: false, bad: true, text: sentence(error) });
  }
}

/** Asks for a new card for the same act. The new card comes with the answer, and as an event to everyone else. */
export async function askAgain({ id }: Approval): Promise<void> {
  if (notes.value.get(id)?.busy) return;
  note(id, { busy: true, bad: false, text: "Asking again…" });
  try {
    const card = await post<Approval>(`/approvals/${encodeURIComponent(id)}/again`, {});
    addApprovals([card]);
    note(id, { busy: false, bad: false, text: `Asked again as ${card.id}.` });
  } catch (error) {
    note(id, { busy: false, bad: true, text: error instanceof ApiError ? `Not asked again: ${error.message}` : sentence(error) });
  }
}

function refusal(error: unknown, id: string): string {
  if (!(error instanceof ApiError)) return sentence(error);
  switch (error.status) {
    case 403:
      return `You may not decide this: ${error.message}`;
    case 404:
      return "The server does not know this card any more.";
    case 409: {
      const by = approvals.value.get(id)?.decided_by;
      return `Your click came too late: it was decided before${by ? ` by ${by}` : ""}.`;
    }
    case 410:
      return "Too late: the time for this decision is over. Ask again.";
    default:
      return `Not sent: ${error.message}`;
  }
}

/** `crypto.randomUUID` exists only on https and on this machine; the console is also opened by address. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
