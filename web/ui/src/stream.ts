/** The one event stream of the page. */

import { Events } from "./events";
import { connected, receive } from "./load";

const events = new Events({ connected, received: receive });

/** Starts, or starts over with another key. */
export function restart(): void {
  events.restart();
}

export function tryNow(): void {
  events.now();
}
