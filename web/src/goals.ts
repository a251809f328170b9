/** How each goal looks everywhere on the page: its color, its dashes, its mark. */

import type { GoalInfo } from "./payload";

/** Colors (and classes `goal-0`, `goal-1`, ...) that the page has. */
const COLORS = 6;
const DASHES = ["", "7 4", "2 4", "10 3 2 3", "12 5", "4 2 1 2"] as const;
const MARKS = ["circle", "diamond", "triangle", "square", "cross", "ring"] as const;

export type Mark = (typeof MARKS)[number];

export interface Look {
  name: string;
  role: GoalInfo["role"];
  color: string;
  /** The style class that colors a chip. */
  tone: string;
  dash: string;
  mark: Mark;
}

/** One look per goal; the intended goal always gets the first. page.py gives the same order. */
export function looksOf(goals: readonly GoalInfo[]): Look[] {
  const intendedFirst = [
    ...goals.filter((goal) => goal.role === "intended"),
    ...goals.filter((goal) => goal.role !== "intended"),
  ];
  return intendedFirst.map(({ name, role }, index) => ({
    name,
    role,
    color: `var(--goal-${index % COLORS})`,
    tone: `goal-${index % COLORS}`,
    dash: DASHES[index % DASHES.length] ?? "",
    mark: MARKS[index % MARKS.length] ?? "circle",
  }));
}

export function lookOf(looks: readonly Look[], name: string | null): Look | undefined {
  return looks.find((look) => look.name === name);
}

/** A path of the mark's outline around (0, 0), one unit in radius. */
export const MARK_PATHS: Record<Mark, string> = {
  circle: "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
  diamond: "M0-1.2L1.2 0L0 1.2L-1.2 0Z",
  triangle: "M0-1.15L1.1.85H-1.1Z",
  square: "M-.9-.9H.9V.9H-.9Z",
  cross: "M-.35-1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z",
  ring: "M1.1 0A1.1 1.1 0 1 1-1.1 0A1.1 1.1 0 1 1 1.1 0ZM.5 0A.5.5 0 1 0-.5 0A.5.5 0 1 0 .5 0Z",
};
