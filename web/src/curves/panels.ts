/** Series sorted into panels: one per setting, in it one line per goal. */

import { lookOf, type Look } from "../goals";
import type { Curves, SettingInfo } from "../payload";
import { mean, roundRange } from "../scale";

type Values = (number | null)[];

export interface Line {
  look: Look;
  seeds: Values[];
  mean: Values;
}

export interface Panel {
  setting: string;
  role: SettingInfo["role"];
  lines: Line[];
}

export function panelsOf(curves: Curves, looks: readonly Look[], settings: readonly SettingInfo[]): Panel[] {
  return settings
    .map(({ name, role }) => ({ setting: name, role, lines: linesOf(curves, looks, name) }))
    .filter((panel) => panel.lines.length > 0);
}

function linesOf(curves: Curves, looks: readonly Look[], setting: string): Line[] {
  return looks.flatMap((look) => {
    const seeds = curves.series
      .filter((series) => series.setting === setting && lookOf(looks, series.goal) === look)
      .map((series) => series.values);
    if (seeds.length === 0) return [];
    return [{ look, seeds, mean: curves.x.map((_, at) => mean(seeds.map((values) => values[at] ?? null))) }];
  });
}

/** From 0 or the least value to the greatest, the same for all panels. */
export function rangeOf(curves: Curves): [number, number] {
  let [low, high] = [0, 0];
  for (const { values } of curves.series) {
    for (const value of values) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return high > low ? roundRange(low, high) : [low, low + 1];
}
