/** Requests to the server. The key is kept for this tab only. */

import { signal } from "@preact/signals";

const KEY = "jarvis.key";
const TIMEOUT_MS = 20_000;

/** A refusal or a failure, with a sentence for people and a code for the program. */
export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 when no answer came. */
    readonly status: number,
    readonly code: string | null,
    message: string,
  ) {
    super(message);
  }
}

/** The server wants a key: `missing` when none was sent, `refused` when ours was not accepted. */
export const keyWanted = signal<null | "missing" | "refused">(null);

// A browser may forbid storage; the key then lives as long as the page.
let held: string | null = readKey();

function readKey(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function hasKey(): boolean {
  return held !== null;
}

export function setKey(key: string | null): void {
  held = key;
  keyWanted.value = null;
  try {
    if (key === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, key);
  } catch {
    return;
  }
}

/** What every request says of itself. */
export function headers(): Record<string, string> {
  const all: Record<string, string> = { "x-jarvis-surface": "console" };
  if (held !== null) all["authorization"] = `Bearer ${held}`;
  return all;
}

export function get<T>(path: string): Promise<T> {
  return request<T>("GET", path);
}

export function post<T>(path: string, body: unknown): Promise<T> {
  return request<T>("POST", path, body);
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const all = headers();
  if (body !== undefined) all["content-type"] = "application/json";
  let response: Response;
  let text: string;
  try {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(`/v1/jarvis${path}`, { method, headers: all, signal, cache: "no-store", ...content });
    text = await response.text();
  } catch {
    throw new ApiError(0, null, "Jarvis did not answer. Is it running, and is the network up?");
  }
  if (!response.ok) throw refused(response.status, text, all);
  try {
    return (text === "" ? {} : JSON.parse(text)) as T;
  } catch {
    throw new ApiError(response.status, null, "Jarvis sent an answer that is not JSON.");
  }
}

/** Turns an answer in OpenAI's error shape into an error, and asks for a key on 401, unless another key is in use since. */
export function refused(status: number, text: string, sent: Record<string, string>): ApiError {
  const current = sent["authorization"] === headers()["authorization"];
  if (status === 401 && current) keyWanted.value = hasKey() ? "refused" : "missing";
  try {
    const error = (JSON.parse(text) as { error?: { message?: unknown; code?: unknown } }).error;
    if (typeof error?.message === "string") {
      return new ApiError(status, typeof error.code === "string" ? error.code : null, error.message);
    }
  } catch {
    return new ApiError(status, null, `The server answered with status ${status}.`);
  }
  return new ApiError(status, null, `The server answered with status ${status}.`);
}

/** What to tell a person about anything that was thrown. */
export function sentence(error: unknown): string {
  return error instanceof ApiError ? error.message : "Jarvis sent an answer that this page does not understand. Reload the page.";
}
