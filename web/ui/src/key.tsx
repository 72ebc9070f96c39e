/** Asks for an API key when the server wants one. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { keyWanted, setKey } from "./api";
import { restart } from "./stream";

export function forgetKey(): void {
  setKey(null);
  restart();
}

export function KeyForm(): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const [key, put] = useState("");
  useEffect(() => field.current?.focus(), []);
  const use = (): void => {
    const given = key.trim();
    if (given === "") return field.current?.focus();
    setKey(given);
    restart();
  };
  return (
    <main id="main" class="panel key" aria-labelledby="key-title">
      <h2 id="key-title" tabIndex={-1}>API key</h2>
      <p>{keyWanted.value === "refused" ? "This key was not accepted. It may have been revoked or mistyped." : "Jarvis wants to know who you are."}</p>
      <p class="muted">Make a key on the machine that runs Jarvis:</p>
      <pre tabIndex={0} role="region" aria-label="Command"><code>jarvis key new console --scope chat,ops,approve</code></pre>
      <form onSubmit={(event) => { event.preventDefault(); use(); }}>
        <label for="key">Key</label>
        <input
          id="key" ref={field} type="password" autocomplete="off" spellcheck={false} value={key} required
          aria-describedby="key-help" onInput={(event) => put(event.currentTarget.value)}
        />
        <p id="key-help" class="muted small">It is kept in this tab only and forgotten when you close it.</p>
        <button type="submit" class="button primary">Use this key</button>
      </form>
    </main>
  );
}
