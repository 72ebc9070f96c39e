/** Starts the console. */

import { effect, untracked } from "@preact/signals";
import { render } from "preact";
import { App } from "./app";
import { connection } from "./events";
import { openConversation } from "./load";
import { href, parse, route } from "./route";
import { conversations, loaded, now, pending, thread } from "./state";
import { restart } from "./stream";

window.addEventListener("hashchange", () => (route.value = parse(location.hash)));
setInterval(() => (now.value = Date.now()), 1000);

effect(() => {
  const open = pending.value.length;
  // While paused the count would be a guess.
  if (connection.value.state === "paused") document.title = "Jarvis (paused)";
  else document.title = open > 0 ? `(${open}) Jarvis` : "Jarvis";
});

effect(() => {
  const { view, conversation } = route.value;
  if (view !== "chat") return;
  if (conversation !== null) return untracked(() => openConversation(conversation === "new" ? null : conversation));
  // Without a conversation in the address the newest one is continued; there is nothing to go back to.
  const newest = untracked(() => thread.value.conversation_id) ?? conversations.value[0]?.id;
  if (newest || loaded.value) location.replace(href({ view: "chat", conversation: newest ?? "new" }));
});

const root = document.getElementById("app");
if (root) render(<App />, root);
restart();
