/** The shapes of docs/api.md. Times are milliseconds since 1970, UTC. */

export type ToolStatus = "running" | "ok" | "error" | "denied" | "pending" | "interrupted" | "skipped";

export interface ToolLine {
  call_id: string;
  name: string;
  target: string | null;
  status: ToolStatus;
  /** The card that a `pending` call waits for. */
  approval?: string;
}

export interface Conversation {
  id: string;
  /** The first words of the first message; empty until then. */
  title: string;
  created_at: number;
  updated_at: number;
}

export interface Message {
  /** UUIDv7: the order of ids is the order of messages. */
  id: string;
  conversation_id: string;
  run_id: string | null;
  role: "user" | "assistant" | "event";
  /** Markdown. */
  text: string;
  detail: { target?: string | null; tools?: ToolLine[]; why?: string } | null;
  created_at: number;
}

export type ApprovalStatus =
  | "pending" | "approved" | "denied" | "expired" | "executing" | "done" | "failed" | "stale";

/** A tool result: one of the texts is there, and is Markdown. */
export interface Outcome {
  status: "ok" | "error" | "denied" | "interrupted";
  summary?: string;
  error?: string;
  reason?: string;
  says?: string;
}

export interface Approval {
  id: string;
  tool: string;
  arguments: unknown;
  effect: string;
  rule: string;
  plan: { title: string; says?: string[]; before?: string | null; after?: string | null; undo?: string | null };
  status: ApprovalStatus;
  requested_by: string | null;
  conversation_id: string | null;
  /** How many yes votes it takes. */
  need: number;
  created_at: number;
  expires_at: number;
  decided_by: string | null;
  decided_at: number | null;
  executed_at: number | null;
  outcome: Outcome | null;
}

export interface Target {
  name: string;
  backend: string;
  model: string;
  kind: string;
  class: string;
  aliases: string[];
  state: "closed" | "open" | "half_open" | "hard_down" | "missing";
  reason: string | null;
  open_until: number | null;
  breakers: { backend: Breaker; model: Breaker };
  warmth: "unknown" | "cold" | "loading" | "warm_slow" | "warm";
  capabilities: string[] | null;
  context: { effective: number | null; max: number | null };
  rates: { prompt: number | null; answer: number | null };
  version: string | null;
}

export interface Breaker {
  forced: { to: "open" | "closed"; until: number; by: string } | null;
}

export interface Status {
  version: string;
  started_at: number;
  console: string;
  found: { what: string; ok: boolean; says: string }[];
}

export interface AuditEntry {
  id: number;
  at: number;
  kind: string;
  person_id: string | null;
  via: string;
  conversation_id: string | null;
  run_id: string | null;
  approval_id: string | null;
  tool: string | null;
  arguments: unknown;
  decision: string | null;
  rule: string | null;
  outcome: string | null;
  detail: unknown;
  prev: string;
  hash: string;
}

export type AuditCheck = { chain: "intact"; entries: number } | { chain: "broken"; at: number };

interface OfRun {
  conversation_id: string;
  run_id: string;
}

export type ServerEvent =
  | { type: "message"; message: Message }
  | ({ type: "run"; state: "started" | "finished"; why?: string | null } & OfRun)
  | ({ type: "delta"; text: string } & OfRun)
  | ({ type: "reset" } & OfRun)
  | ({ type: "tool" } & OfRun & ToolLine)
  | { type: "approval"; approval: Approval }
  | { type: "target"; target: Target }
  | { type: "config"; changes: string[]; fault: string | null }
  | { type: "reload" };
