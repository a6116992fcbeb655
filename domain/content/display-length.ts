/**
 * Counts what a reader takes for one character: a family emoji, a flag or a letter with its accents is one (UAX #29
 * extended grapheme clusters, as browsers cut by). Never for workflows: it reads the machine's Unicode data.
 */
export function graphemes(text: string): number {
  let count = 0;
  for (const _segment of segmenter.segment(text)) count += 1;
  return count;
}

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
