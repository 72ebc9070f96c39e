/** The page: header, views, and what belongs to all of them. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { stop } from "./acts";
import { keyWanted } from "./api";
import { ApprovalVoice, Approvals } from "./approvals";
import { Audit } from "./audit";
import { Chat } from "./chat";
import { Conversations } from "./conversations";
import { connection, type Connection } from "./events";
import { KeyForm } from "./key";
import { loadAll } from "./load";
import { Models, Targets } from "./models";
import { route, VIEWS, type View } from "./route";
import { answering, loadError, now, pending } from "./state";
import { tryNow } from "./stream";
import { wide } from "./width";

const NAMES: Record<View, string> = {
  chat: "Chat", conversations: "History", approvals: "Approvals", models: "Models", audit: "Audit",
};

export function App(): JSX.Element {
  const { view } = route.value;
  const size = wide.value;
  useViewFocus(view);
  useEscape();
  if (keyWanted.value) {
    return <div class="app asking"><Header /><KeyForm /></div>;
  }
  const rail = size === "wide" && view === "chat";
  return (
    <div class={`app ${size} ${rail ? "with-rail" : ""}`}>
      <a class="skip" href="#main" onClick={jump("main h2")}>Skip to the content</a>
      {view === "chat" && <a class="skip" href="#say" onClick={jump("#say")}>Skip to the message</a>}
      {rail && <a class="skip" href="#approvals" onClick={jump("#approvals h2")}>Skip to the approvals</a>}
      <Header />
      <div class="side">
        <Navigation />
        {size !== "narrow" && view !== "conversations" && <Conversations as="section" />}
      </div>
      {view === "chat" && <Chat notice={!rail} />}
      {view === "conversations" && <Conversations as="main" />}
      {view === "approvals" && <Approvals as="main" />}
      {view === "models" && <Models />}
      {view === "audit" && <Audit />}
      {rail && (
        <div class="rail">
          <Approvals as="aside" />
          {pending.value.length === 0 && (
            <section class="panel view" tabIndex={0} aria-labelledby="models-title"><h2 id="models-title">Models</h2><Targets /></section>
          )}
        </div>
      )}
      <ApprovalVoice />
    </div>
  );
}

/** The address holds the view, so a skip link moves the focus itself. */
function jump(to: string) {
  return (event: Event): void => {
    event.preventDefault();
    document.querySelector<HTMLElement>(to)?.focus();
  };
}

/** A change of view puts the focus on its heading; the first view leaves it alone. */
function useViewFocus(view: View): void {
  const before = useRef(view);
  useEffect(() => {
    if (before.current !== view) document.querySelector<HTMLElement>("main h2")?.focus();
    before.current = view;
  }, [view]);
}

function useEscape(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || event.isComposing || !answering.value) return;
      event.preventDefault();
      void stop();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

function Header(): JSX.Element {
  return (
    <header class="panel header">
      <img src="icon.svg" alt="" width="28" height="28" />
      <h1>Jarvis</h1>
      <Connected />
      {loadError.value && (
        <p class="problem" role="alert">Not everything could be loaded: {loadError.value}{" "}
          <button type="button" class="button" onClick={() => void loadAll()}>Load again</button></p>
      )}
    </header>
  );
}

function Connected(): JSX.Element {
  const state = connection.value;
  return (
    <div class="connection">
      <span class={`light ${state.state}`} aria-hidden="true" />
      <p class="small"><span role="status">{connectionText(state)}</span>
        {state.state === "waiting" && <span class="muted next"> Next try in {Math.max(0, Math.ceil((state.at - now.value) / 1000))} s.</span>}</p>
      {state.state === "waiting" && <button type="button" class="button quiet" onClick={tryNow}>Try now</button>}
      {state.state === "refused" && !keyWanted.value && (
        <button type="button" class="button" onClick={() => (keyWanted.value = "missing")}>Use another key</button>
      )}
    </div>
  );
}

function connectionText(state: Connection): string {
  switch (state.state) {
    case "connecting":
      return "Connecting…";
    case "live":
      return "Connected";
    case "waiting":
      return "Not connected.";
    case "paused":
      return "Paused while hidden";
    case "refused":
      return keyWanted.value ? "An API key is needed" : `Refused: ${state.why}`;
  }
}

function Navigation(): JSX.Element {
  const open = pending.value.length;
  const views = VIEWS.filter((view) => view !== "conversations" || wide.value === "narrow");
  return (
    <nav class="panel nav" aria-label="Views">
      <ul>
        {views.map((view) => (
          <li key={view}>
            <a href={`#/${view}`} aria-current={route.value.view === view ? "page" : undefined}>
              {NAMES[view]}
              {view === "approvals" && open > 0 && <span class="badge">{open}<span class="sr"> open</span></span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
