/** Shares as shades. */

import type { Places } from "../payload";
import { percent } from "../format";

/** Shades above empty. */
export const STEPS = 8;

/** The shade of a share: 0 is empty, the darkest is for `top`, and each shade below it for half as much. */
export function shade(share: number, top: number): number {
  return share <= 0 ? 0 : Math.max(1, STEPS - Math.floor(Math.log2(top / share) + 1e-9));
}

/** The share that stands `steps` halvings below the darkest. */
export function halved(top: number, steps: number): number {
  return top / 2 ** steps;
}

/** One path of squares for each shade above empty. */
export function shadePaths(shares: readonly number[], width: number, top: number): string[] {
  const paths: string[] = Array.from({ length: STEPS }, () => "");
  shares.forEach((share, index) => {
    const at = shade(share, top) - 1;
    if (at >= 0) paths[at] += `M${index % width} ${Math.floor(index / width)}h1v1h-1z`;
  });
  return paths;
}

/** The map in one sentence. */
export function describeHeat(title: string, shares: readonly number[], { width, setting }: Places): string {
  const best = shares.reduce((top, share, index) => (share > (shares[top] ?? 0) ? index : top), 0);
  const where = `row ${Math.floor(best / width) + 1}, column ${(best % width) + 1}`;
  return `${title} on ${setting}: most episodes end at ${where}, ${percent(shares[best] ?? 0)} of them.`;
}
