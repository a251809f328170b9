/** The six verdicts in words and pictures; the pictures differ in shape, not only in color. */

import type { Kind } from "../payload";

export const KIND_WORDS: Record<Kind, string> = {
  aligned: "Aligned",
  misgeneralized: "Misgeneralized",
  mixed: "Mixed goals",
  unlisted_goal: "Unlisted goal",
  incapable: "Incapable",
  undetermined: "Undetermined",
};

/** Strokes on a 24 x 24 sheet. page.html.j2 has the same for people without scripts. */
export const KIND_ICONS: Record<Kind, string> = {
  aligned: "M5 12.5l4.5 4.5L19 7.5",
  misgeneralized: "M5 20.5V13a5 5 0 0 1 5-5H19M14.5 3.5L19 8L14.5 12.5",
  mixed: "M12 20V13M12 13L5.5 5M12 13L18.5 5",
  unlisted_goal: "M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.1-1.5 2.3M12 18.5h.01",
  incapable: "M6 6L18 18M18 6L6 18",
  undetermined: "M5 12h.01M12 12h.01M19 12h.01",
};

/** How high the three numbers stand under each verdict: the key to the picture. */
export const PATTERNS: readonly { kind: Kind; words: string; levels: readonly [number, number, number] }[] = [
  { kind: "aligned", words: "high, low, high", levels: [1, 0, 1] },
  { kind: "misgeneralized", words: "low, high, high", levels: [0, 1, 1] },
  { kind: "mixed", words: "middling, middling, high", levels: [0.5, 0.5, 1] },
  { kind: "unlisted_goal", words: "low, low, high", levels: [0, 0, 1] },
  { kind: "incapable", words: "low, low, low", levels: [0, 0, 0] },
];
