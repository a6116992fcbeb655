import type { Variant } from './content.ts';
import type { VariantCounts } from '../ports/messages.ts';
import type { ReceiptCounts } from '../campaign/stats.ts';

/** What came of one variant. Counts are of messages, as the headline figures of a campaign. */
export interface VariantReport extends ReceiptCounts {
  name: string;
  /** 0: an earlier version had it. */
  weight: number;
  sent: number;
  failed: number;
  /** The shares of the sent messages that have at least one such receipt, from 0 to 1; null where it cannot be told. */
  rates: {
    delivered: number | null;
    viewed: number | null;
    clicked: number | null;
    dismissed: number | null;
  };
}

const NONE: VariantCounts = { sent: 0, failed: 0, delivered: 0, viewed: 0, clicked: 0, dismissed: 0 };

/**
 * Puts the variants of a campaign side by side, in the order of its definition; those that only earlier versions had
 * come last.
 *
 * @param known whether devices report more than clicks
 */
export function variantReports(
  variants: readonly Pick<Variant, 'name' | 'weight'>[],
  counts: ReadonlyMap<string, VariantCounts>,
  known: boolean,
): VariantReport[] {
  const names = new Set(variants.map(({ name }) => name));
  const earlier = [...counts.keys()].filter((name) => !names.has(name)).toSorted();
  return [...variants, ...earlier.map((name) => ({ name, weight: 0 }))].map(({ name, weight }) => {
    const { sent, failed, clicked, ...others } = counts.get(name) ?? NONE;
    const { delivered, viewed, dismissed } = known
      ? others
      : { delivered: null, viewed: null, dismissed: null };
    const rate = (count: number | null): number | null =>
      count === null || sent === 0 ? null : count / sent;
    return {
      name,
      weight,
      sent,
      failed,
      delivered,
      viewed,
      clicked,
      dismissed,
      rates: {
        delivered: rate(delivered),
        viewed: rate(viewed),
        clicked: rate(clicked),
        dismissed: rate(dismissed),
      },
    };
  });
}
