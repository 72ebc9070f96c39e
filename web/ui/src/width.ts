/** How much room there is. A view is written once, in the place that suits the width. */

import { computed, signal } from "@preact/signals";

/** Wide has room for the approvals beside the chat, medium for the conversations, narrow for one view. */
export type Width = "wide" | "medium" | "narrow";

export const WIDE = "(min-width: 1180px)";
export const MEDIUM = "(min-width: 760px)";

function follow(query: string): { readonly value: boolean } {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener("change", () => (matches.value = list.matches));
  return matches;
}

const isWide = follow(WIDE);
const isMedium = follow(MEDIUM);

export const wide = computed<Width>(() => (isWide.value ? "wide" : isMedium.value ? "medium" : "narrow"));
