/** Axes: from values to positions. */

export interface Scale {
  (value: number): number;
  ticks: number[];
}

/** A linear scale; the domain may be a single point. */
export function linear(domain: readonly [number, number], range: readonly [number, number], ticks = 4): Scale {
  const [low, high] = domain;
  const [start, end] = range;
  const span = high - low || 1;
  const scale = (value: number) => start + ((value - low) / span) * (end - start);
  return Object.assign(scale, { ticks: roundTicks(low, high, ticks) });
}

/** Round values between low and high, about `wanted` of them. */
export function roundTicks(low: number, high: number, wanted: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** The range widened to the next round values. */
export function roundRange(low: number, high: number): [number, number] {
  const [first = low, second = high] = roundTicks(low, high, 4);
  const step = second - first || 1;
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

export function mean(values: readonly (number | null)[]): number | null {
  const present = values.filter((value) => value !== null);
  return present.length ? present.reduce((sum, value) => sum + value, 0) / present.length : null;
}

/** An SVG path through the points, broken where one is missing. */
export function linePath(points: readonly (readonly [number, number] | null)[]): string {
  let pen = "M";
  let path = "";
  for (const point of points) {
    if (point === null) {
      pen = "M";
      continue;
    }
    path += `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = "L";
  }
  return path;
}
