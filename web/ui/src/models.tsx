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
      <Chains />
      <Found />
    </main>
  );
}

/** The chains with their targets. A target of two chains stands in both; what is in no chain comes last. */
function Chains(): JSX.Element {
  const names = [...new Set(targets.value.flatMap((target) => target.aliases))];
  const alone = targets.value.filter((target) => target.aliases.length === 0);
  if (names.length === 0) return <Targets hands />;
  return (
    <>
      {names.map((name) => (
        <section key={name} class="target-group" aria-label={`Chain ${exact(name)}`}>
          <h3><bdi>{exact(name)}</bdi></h3>
          <List of={targets.value.filter((target) => target.aliases.includes(name))} chain={name} hands />
        </section>
      ))}
      {alone.length > 0 && (
        <section class="target-group" aria-label="In no chain">
          <h3>In no chain</h3>
          <List of={alone} chain="" hands />
        </section>
      )}
    </>
  );
}

/** The list alone, as it also stands beside the chat. */
export function Targets({ hands = false }: { hands?: boolean }): JSX.Element {
  if (targets.value.length === 0) return <p class="muted">{loaded.value ? "No model is set up. Plain commands work: say help." : "Loading…"}</p>;
  return <List of={targets.value} hands={hands} />;
}

function List({ of, chain, hands = false }: { of: Target[]; chain?: string; hands?: boolean }): JSX.Element {
  const Title = chain === undefined ? "h3" : "h4";
  const others = (target: Target): string[] => target.aliases.filter((name) => name !== chain);
  return (
    <ol class="targets">
      {of.map((target) => (
        <li key={target.name} class={`target ${target.state}`}>
          <Icon shape={MARK[target.state] ?? "unknown"} />
          <div>
            <Title><bdi>{exact(target.name)}</bdi></Title>
            <p>{targetText(target, now.value)}</p>
            {target.reason && <p class="small" dir="auto">{exact(target.reason)}</p>}
            {knownText(target) && <p class="small" dir="auto">{knownText(target)}</p>}
            <p class="muted small"><bdi>{exact(target.kind)}</bdi> · <bdi>{exact(target.class)}</bdi>
              {others(target).length > 0 && <> · {chain === undefined ? "also called" : "also in"} <bdi>{others(target).map(exact).join(", ")}</bdi></>}</p>
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
