/** Where things are drawn: one cell is one unit, its center at a half. */

import type { Cell, Replay } from "../payload";

/** One path with a square for every wall. */
export function wallPath(walls: readonly string[]): string {
  return walls
    .flatMap((line, row) => [...line].map((cell, col) => (cell === "#" ? `M${col} ${row}h1v1h-1z` : "")))
    .join("");
}

/** Faint lines between cells. */
export function gridPath(height: number, width: number): string {
  const rows = Array.from({ length: height - 1 }, (_, row) => `M0 ${row + 1}H${width}`);
  const cols = Array.from({ length: width - 1 }, (_, col) => `M${col + 1} 0V${height}`);
  return [...rows, ...cols].join("");
}

/** Cell centers joined by lines, moved aside a little so that paths lie beside each other. */
export function cellPath(cells: readonly Cell[], aside = 0): string {
  return cells.map(([row, col], index) => `${index ? "L" : "M"}${col + 0.5 + aside} ${row + 0.5 + aside}`).join("");
}

export function aside(index: number, count: number): number {
  return count < 2 ? 0 : (index - (count - 1) / 2) * Math.min(0.2, 0.5 / count);
}

/** Degrees by which an agent that looks to the right must turn to look where it goes. */
export function heading(path: readonly Cell[], step: number): number {
  for (let at = step; at > 0; at -= 1) {
    const [here, before] = [path[at], path[at - 1]];
    if (!here || !before) break;
    const [down, right] = [here[0] - before[0], here[1] - before[1]];
    if (down || right) return (Math.atan2(down, right) * 180) / Math.PI;
  }
  return 0;
}

/** The board in one sentence, for people who do not see it. */
export function describe(replay: Replay): string {
  const at = ([row, col]: Cell) => `row ${row + 1}, column ${col + 1}`;
  const things = replay.things.map((thing) => `${thing.name} at ${at([thing.row, thing.col])}`).join("; ");
  const end = replay.path.at(-1) ?? replay.start;
  return (
    `A grid of ${replay.height} by ${replay.width} cells. ${things ? `${things}. ` : ""}` +
    `The agent starts at ${at(replay.start)} and ends at ${at(end)} after ${replay.path.length - 1} steps.`
  );
}
