/** Small shapes beside words. They say nothing that the words do not say, so they are hidden from screen readers. */

import type { JSX } from "preact";

const SHAPES = {
  arrow: "M2 8h11M9 4l4 4-4 4",
  check: "M3 8.5l3.5 3.5L13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  dash: "M4 8h8",
  disc: "M8 3.5a4.5 4.5 0 1 0 .01 0M8 6a2 2 0 1 0 .01 0M8 7.5a.5.5 0 1 0 .01 0",
  pause: "M6 4v8M10 4v8",
  turn: "M13 8a5 5 0 1 1-2-4M11 1.5V4.5H8",
  unknown: "M5.5 6a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .7-1 1.5M8 12.5v.01",
} as const;

export type Shape = keyof typeof SHAPES;

export function Icon({ shape }: { shape: Shape }): JSX.Element {
  return <svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d={SHAPES[shape]} /></svg>;
}
