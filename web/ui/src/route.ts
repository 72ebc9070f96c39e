/** Where the page is: the part of the address after `#`. */

import { signal } from "@preact/signals";

export const VIEWS = ["chat", "conversations", "approvals", "models", "audit"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  conversation: string | null;
}

export const route = signal<Route>(parse(location.hash));

/** `#/chat/0199…`, `#/audit`; anything else is the chat. */
export function parse(hash: string): Route {
  const [, view, conversation] = hash.split("/");
  const known = VIEWS.find((one) => one === view) ?? "chat";
  return { view: known, conversation: known === "chat" && conversation ? conversation : null };
}

export function href(to: Route): string {
  return to.conversation === null ? `#/${to.view}` : `#/${to.view}/${to.conversation}`;
}

export function go(to: Route): void {
  location.hash = href(to);
}
