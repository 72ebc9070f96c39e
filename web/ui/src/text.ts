/** Text that comes from outside is data: these functions make it harmless and readable. */

// ECMA-48: CSI sequences (colours, cursor), OSC sequences (titles, links) and two-character escapes.
const ANSI = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const BIDI_OVERRIDE = /[\u202a-\u202e\u2066-\u2069]/g;
// What can make two different names look the same: controls, bidi controls, characters without width, tags.
const INVISIBLE =
  /[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** Prose: escape sequences, control characters and bidi overrides are removed; line feeds and tabs stay. */
export function clean(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(ANSI, "").replace(CONTROL, "").replace(BIDI_OVERRIDE, "");
}

/** Names, arguments and plans: what cannot be seen is written out, so that nobody approves what they do not see. */
export function exact(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** The address when it is one that a reader may follow: http, https or mailto. */
export function safeHref(href: string): string | null {
  try {
    const url = new URL(href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

/** The few character references that people and models write in Markdown; unknown ones stay as they are. */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,5}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = decimal !== undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? clean(String.fromCodePoint(code)) : whole;
  });
}

/** `4:05`, `1:02:09`; `0:00` when the time is over. */
export function countdown(until: number, now: number): string {
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `3 d 4 h`, `5 h 12 min`, `8 min`, `20 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min` : `${seconds} s`;
}

/** `10:21` today, `3 Nov 10:21` before, in the reader's time zone. */
export function clock(at: number, now: number): string {
  const time = new Date(at);
  const [hours, minutes] = [String(time.getHours()).padStart(2, "0"), String(time.getMinutes()).padStart(2, "0")];
  if (time.toDateString() === new Date(now).toDateString()) return `${hours}:${minutes}`;
  const month = time.toLocaleString("en", { month: "short" });
  return `${time.getDate()} ${month} ${hours}:${minutes}`;
}
