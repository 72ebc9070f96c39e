/** The stream of everything that happens, kept open across broken connections, restarts and hidden pages. */

import { signal } from "@preact/signals";
import { headers, refused } from "./api";
import { SseParser, type SseEvent } from "./sse";

export type Connection =
  | { state: "connecting" }
  | { state: "live" }
  /** `at` is when it is tried again. */
  | { state: "waiting"; at: number }
  | { state: "paused" }
  | { state: "refused"; why: string };

export const connection = signal<Connection>({ state: "connecting" });

/** The server sends at least a comment every 15 s. */
const SILENCE_MS = 40_000;
const HIDDEN_MS = 5 * 60_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Full jitter above a floor, so that many pages do not return in step. */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return ceiling / 4 + random * (ceiling * 3) / 4;
}

/** Where the stream goes. */
export interface Listener {
  /** A connection was made. `fresh`: nothing before it is known, so everything is to be fetched. */
  connected: (fresh: boolean) => void;
  /** The data of events in order; never one twice. */
  received: (data: string[]) => void;
}

export class Events {
  private last: string | null = null;
  private attempt = 0;
  private stop: AbortController | null = null;
  private retry: number | undefined;
  private silence: number | undefined;
  private hidden: number | undefined;

  constructor(private readonly listener: Listener) {
    document.addEventListener("visibilitychange", () => this.visibility());
    window.addEventListener("online", () => this.now());
  }

  /** Forgets the position: with a new key, other events may be ours. */
  restart(): void {
    this.last = null;
    this.attempt = 0;
    this.open();
  }

  /** Tries at once when it is waiting. */
  now(): void {
    if (connection.value.state === "waiting" || connection.value.state === "refused") this.open();
  }

  private visibility(): void {
    clearTimeout(this.hidden);
    if (document.visibilityState === "hidden") {
      this.hidden = window.setTimeout(() => this.pause(), HIDDEN_MS);
    } else if (connection.value.state === "paused") {
      this.open();
    } else {
      this.now();
    }
  }

  private pause(): void {
    this.close();
    connection.value = { state: "paused" };
  }

  private close(): void {
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    this.stop?.abort();
    this.stop = null;
  }

  private open(): void {
    this.close();
    connection.value = { state: "connecting" };
    const stop = new AbortController();
    this.stop = stop;
    void this.read(stop).then(
      () => this.again(stop),
      () => this.again(stop),
    );
  }

  private again(stop: AbortController): void {
    if (this.stop !== stop || connection.value.state === "refused") return;
    this.close();
    const wait = backoff(this.attempt, Math.random());
    this.attempt += 1;
    connection.value = { state: "waiting", at: Date.now() + wait };
    this.retry = window.setTimeout(() => this.open(), wait);
  }

  private async read(stop: AbortController): Promise<void> {
    const all = headers();
    if (this.last !== null) all["last-event-id"] = this.last;
    this.alive(stop);
    const response = await fetch("/v1/jarvis/events", { headers: all, signal: stop.signal, cache: "no-store" });
    if (response.status === 401 || response.status === 403) {
      const error = refused(response.status, await response.text(), all);
      if (this.stop !== stop) return;
      clearTimeout(this.silence);
      connection.value = { state: "refused", why: error.message };
      return;
    }
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    connection.value = { state: "live" };
    this.listener.connected(this.last === null);
    await this.pump(stop, response.body.pipeThrough(new TextDecoderStream()).getReader());
  }

  private async pump(stop: AbortController, reader: ReadableStreamDefaultReader<string>): Promise<void> {
    const parser = new SseParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.stop !== stop) return;
      this.alive(stop);
      this.attempt = 0;
      const events = parser.push(value);
      if (events.length > 0) this.deliver(events);
    }
  }

  private deliver(events: SseEvent[]): void {
    this.last = events.at(-1)?.id ?? this.last;
    this.listener.received(events.map((event) => event.data));
  }

  private alive(stop: AbortController): void {
    clearTimeout(this.silence);
    this.silence = window.setTimeout(() => stop.abort(), SILENCE_MS);
  }
}
