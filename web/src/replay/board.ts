/** Where things are drawn: one cell is one unit, its center at a half. */

import { lookOf, type Look } from "../goals";
import type { Cell, Replay, Thing } from "../payload";

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

/** Where a thing is after so many steps; null where it is not there. */
export function whereAt(thing: Thing, step: number): Cell | null {
  let cell: Cell | null = [thing.row, thing.col];
  for (const change of thing.changes) {
    if (change.time > step) break;
    cell = change.cell;
  }
  return cell;
}

/** Where a thing was when it was last there, or where it will be first. */
export function whereLast(thing: Thing, step: number): Cell {
  for (let at = step; at >= 0; at -= 1) {
    const cell = whereAt(thing, at);
    if (cell) return cell;
  }
  return [thing.row, thing.col];
}

/** The look of the goal that a thing serves by its name: "key" is what the goal "keys" is about. */
export function lookOfThing(looks: readonly Look[], name: string): Look | undefined {
  return lookOf(looks, name) ?? lookOf(looks, `${name}s`);
}

/** A letter for each name of things that serve no goal: the first in the name that is still free. */
export function lettersOf(things: readonly Thing[], looks: readonly Look[]): Map<string, string> {
  const letters = new Map<string, string>();
  for (const { name } of things) {
    if (letters.has(name) || lookOfThing(looks, name)) continue;
    const taken = new Set(letters.values());
    letters.set(name, [...name.toUpperCase()].find((letter) => /[A-Z]/.test(letter) && !taken.has(letter)) ?? "?");
  }
  return letters;
}

/** What the agent is told and what it holds, in words; empty where neither is. */
export function status(replay: Replay, step: number): string {
  const held = replay.held.map(({ name, counts }) => `${name} ${counts[step] ?? 0}`);
  return [
    ...(replay.told.length ? [`told: ${replay.told.join(", ")}`] : []),
    ...(held.length ? [`holds: ${held.join(", ")}`] : []),
  ].join(" · ");
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
