/** A parser for server-sent events that takes text in pieces of any size. */

export interface SseEvent {
  id: string | null;
  data: string;
}

/** An event larger than this is not one of ours: the stream is given up. */
const MAX_EVENT = 8 * 1024 * 1024;

export class SseParser {
  private rest = "";
  private data: string[] = [];
  private id: string | null = null;
  private size = 0;

  /** The events that `chunk` completes. Throws when an event is too large. */
  push(chunk: string): SseEvent[] {
    const events: SseEvent[] = [];
    const text = this.rest + chunk;
    let from = 0;
    for (;;) {
      const end = nextBreak(text, from);
      if (end < 0) break;
      this.line(text.slice(from, end), events);
      from = end + (text.startsWith("\r\n", end) ? 2 : 1);
    }
    this.rest = text.slice(from);
    if (this.rest.length + this.size > MAX_EVENT) throw new Error("the event stream sent an event that is too large");
    return events;
  }

  private line(line: string, events: SseEvent[]): void {
    if (line === "") {
      if (this.data.length > 0) events.push({ id: this.id, data: this.data.join("\n") });
      this.data = [];
      this.size = 0;
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line.startsWith(": ", colon) ? colon + 2 : colon + 1);
    if (field === "data") {
      this.data.push(value);
      this.size += value.length;
    } else if (field === "id" && !value.includes("\0")) {
      this.id = value;
    }
  }
}

/** A `\r` at the very end may be half of a `\r\n`: it waits for the next piece. */
function nextBreak(text: string, from: number): number {
  const feed = text.indexOf("\n", from);
  const carriage = text.indexOf("\r", from);
  if (carriage >= 0 && (feed < 0 || carriage < feed)) return carriage === text.length - 1 ? -1 : carriage;
  return feed;
}
