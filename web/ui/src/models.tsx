/** Which models answer, in the order they are tried, and what was found on this machine. */

import type { JSX } from "preact";
import { force, HELD_MINUTES, notes } from "./acts";
import { hasKey } from "./api";
import { Icon, type Shape } from "./icon";
import { forgetKey } from "./key";
import { loaded, now, status, targets } from "./state";
import { duration, exact } from "./text";
import type { Target } from "./types";
import { knownText, targetText } from "./words";

/** A shape per state beside its words. */
const MARK: Record<Target["state"], Shape> = { closed: "disc", open: "pause", half_open: "turn", hard_down: "cross", missing: "unknown" };

export function Models(): JSX.Element {
  return (
    <main id="main" class="panel view" tabIndex={0} aria-labelledby="models-title">
      <h2 id="models-title" tabIndex={-1}>Models</h2>
      <p class="muted">The first that works answers. When none does, Jarvis understands plain commands and says so.</p>
      <Targets hands />
      <Found />
    </main>
  );
}

/** The list alone, as it also stands beside the chat. */
export function Targets({ hands = false }: { hands?: boolean }): JSX.Element {
  if (targets.value.length === 0) return <p class="muted">{loaded.value ? "No model is set up. Plain commands work: say help." : "Loading…"}</p>;
  return (
    <ol class="targets">
      {targets.value.map((target) => (
        <li key={target.name} class={`target ${target.state}`}>
          <Icon shape={MARK[target.state] ?? "unknown"} />
          <div>
            <h3><bdi>{exact(target.name)}</bdi></h3>
            <p>{targetText(target, now.value)}</p>
            {target.reason && <p class="small" dir="auto">{exact(target.reason)}</p>}
            {knownText(target) && <p class="small" dir="auto">{knownText(target)}</p>}
            <p class="muted small"><bdi>{exact(target.kind)}</bdi> · <bdi>{exact(target.class)}</bdi>
              {target.aliases.length > 0 && <> · also called <bdi>{target.aliases.map(exact).join(", ")}</bdi></>}</p>
            {hands && <Hand target={target} />}
          </div>
        </li>
      ))}
    </ol>
  );
}

/** Leaves a target alone for a while, or forgets why it is left alone. */
function Hand({ target }: { target: Target }): JSX.Element {
  const note = notes.value.get(target.name);
  const { state, breakers, name } = target;
  const to = state === "closed" && !breakers.model.forced ? "open" : "reset";
  const label = to === "open" ? `Leave alone for ${HELD_MINUTES} min` : "Try again now";
  return (
    <p class="small">
      <button type="button" class="button quiet" aria-disabled={note?.busy ?? false} onClick={() => void force(target, to)}>
        {label}<span class="sr">: {exact(name)}</span>
      </button>
      <span role="status">{note?.text ?? ""}</span>
    </p>
  );
}

function Found(): JSX.Element | null {
  const known = status.value;
  if (!known) return null;
  return (
    <section aria-labelledby="found-title">
      <h3 id="found-title">Found at the start</h3>
      <ul class="found">
        {known.found.map((thing) => (
          <li key={thing.what} class={thing.ok ? "ok" : undefined}>
            <Icon shape={thing.ok ? "check" : "dash"} />
            <div><strong><bdi>{exact(thing.what)}</bdi></strong> <span class="muted">{thing.ok ? "found" : "not available"}</span>
              <p class="small" dir="auto">{exact(thing.says)}</p></div>
          </li>
        ))}
      </ul>
      <p class="muted small">Jarvis {exact(known.version)}, up {duration(now.value - known.started_at)}.</p>
      {hasKey() && <button type="button" class="button" onClick={forgetKey}>Forget the API key of this tab</button>}
    </section>
  );
}
