/** What was done and why it was allowed, newest first, with the state of the chain of hashes. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { get, sentence } from "./api";
import { clock, exact } from "./text";
import type { AuditCheck, AuditEntry } from "./types";

const PAGE = 100;

interface Audit {
  entries: AuditEntry[];
  check: AuditCheck | null;
  more: boolean;
  loading: boolean;
  error: string | null;
}

const audit = signal<Audit>({ entries: [], check: null, more: false, loading: false, error: null });

/** Shows one page: the newest, or the one that ends before the entry `before`. */
async function load(before: number | null): Promise<void> {
  if (audit.value.loading) return;
  audit.value = { ...audit.value, loading: true, error: null };
  const query = before === null ? "" : `&before=${before}`;
  try {
    const { entries, check } = await get<{ entries: AuditEntry[]; check: AuditCheck }>(`/audit?limit=${PAGE}${query}`);
    audit.value = { entries, check, more: entries.length >= PAGE, loading: false, error: null };
  } catch (error) {
    audit.value = { ...audit.value, loading: false, error: sentence(error) };
  }
}

export function Audit(): JSX.Element {
  useEffect(() => {
    void load(null);
  }, []);
  const { entries, check, more, loading, error } = audit.value;
  const last = entries.at(-1);
  return (
    <main id="main" class="panel view" tabIndex={0} aria-labelledby="audit-title">
      <div class="view-head">
        <h2 id="audit-title" tabIndex={-1}>Audit</h2>
        <div class="row">
          {last && more && <button type="button" class="button" onClick={() => void load(last.id)}>Older</button>}
          <button type="button" class="button" onClick={() => void load(null)}>{loading ? "Loading…" : "Newest"}</button>
        </div>
      </div>
      <p role="status" class={check?.chain === "broken" ? "chain broken" : "chain"}>{chainText(check)}</p>
      {error && <p class="problem" role="alert">{exact(error)}</p>}
      <ol class="entries">{entries.map((entry) => <Entry key={entry.id} entry={entry} />)}</ol>
      {!loading && !error && entries.length === 0 && <p class="muted">Nothing was written yet.</p>}
    </main>
  );
}

export function chainText(check: AuditCheck | null): string {
  if (!check) return "The chain of hashes was not checked yet.";
  if (check.chain === "broken") return `✕ The chain is broken: entry ${check.at} does not fit its hash. Somebody or something changed it.`;
  return `✓ The chain is intact: ${check.entries.toLocaleString("en")} ${check.entries === 1 ? "entry fits its hash" : "entries fit their hashes"}.`;
}

function Entry({ entry }: { entry: AuditEntry }): JSX.Element {
  const { prev, hash, ...rest } = entry;
  const facts = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
  const verdict = [entry.decision, entry.outcome].filter((word): word is string => word !== null);
  return (
    <li>
      <details>
        <summary>
          <span class="entry">
            <span class="figure muted">{entry.id}</span>
            <time class="figure muted" dateTime={new Date(entry.at).toISOString()}>{clock(entry.at, Date.now())}</time>
            <span class="kind"><bdi>{exact(entry.kind)}</bdi>{entry.tool && <> <bdi class="muted">{exact(entry.tool)}</bdi></>}</span>
            <span class="verdict"><bdi>{exact(verdict.join(", "))}</bdi></span>
          </span>
        </summary>
        <pre tabIndex={0} role="region" aria-label={`Entry ${entry.id}`} dir="ltr">{exact(JSON.stringify(facts, null, 2))}</pre>
        <p class="muted small hash">hash {exact(hash)}, before it {exact(prev)}</p>
      </details>
    </li>
  );
}
