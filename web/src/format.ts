/** Numbers as people read them. Missing data is said in words, never shown as 0. */

import type { Measure } from "./payload";

export const NO_DATA = "no data";

/** Two decimals for small values, fewer for large ones, with a true minus sign. */
export function decimal(value: number | null): string {
  if (value === null) return NO_DATA;
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : 2;
  const text = size.toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "under 0.1%";
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}

/** 1_500_000 as "1.5M". */
export function short(count: number): string {
  const trimmed = (value: number) => value.toFixed(value < 10 ? 2 : 1).replace(/\.?0+$/, "");
  if (count >= 1e9) return `${trimmed(count / 1e9)}B`;
  if (count >= 1e6) return `${trimmed(count / 1e6)}M`;
  if (count >= 1e3) return `${trimmed(count / 1e3)}k`;
  return String(count);
}

export function interval({ low, high }: Measure): string {
  return low === null || high === null ? "" : `[${decimal(low)}, ${decimal(high)}]`;
}

export function measured(number: Measure): string {
  return `${decimal(number.value)} ${interval(number)}`.trim();
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
