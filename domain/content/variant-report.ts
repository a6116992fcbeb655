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
  /**
   * The shares of the sent messages that have at least one such receipt, from 0 to 1; null where it cannot be told.
   * All but `clicked` are of those alone that some device could report.
   */
  rates: {
    delivered: number | null;
    viewed: number | null;
    clicked: number | null;
    dismissed: number | null;
  };
}

const NONE: VariantCounts = {
  sent: 0,
  reporting: 0,
  failed: 0,
  delivered: 0,
  viewed: 0,
  clicked: 0,
  dismissed: 0,
};

/**
 * Puts the variants of a campaign side by side, in the order of its definition; those that only earlier versions had
 * come last. What was sent by Safari's APNs alone was delivered, viewed or dismissed, but says so to nobody: 0 would be
 * a claim.
 */
export function variantReports(
  variants: readonly Pick<Variant, 'name' | 'weight'>[],
  counts: ReadonlyMap<string, VariantCounts>,
): VariantReport[] {
  const names = new Set(variants.map(({ name }) => name));
  const earlier = [...counts.keys()].filter((name) => !names.has(name)).toSorted();
  return [...variants, ...earlier.map((name) => ({ name, weight: 0 }))].map(({ name, weight }) => {
    const { sent, reporting, failed, clicked, ...others } = counts.get(name) ?? NONE;
    const { delivered, viewed, dismissed } =
      sent === 0 || reporting > 0 ? others : { delivered: null, viewed: null, dismissed: null };
    // A try that seemed to fail may have come through: more may report than took it.
    const rate = (count: number | null, of = reporting): number | null =>
      count === null || of === 0 ? null : Math.min(1, count / of);
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
        clicked: rate(clicked, sent),
        dismissed: rate(dismissed),
      },
    };
  });
}
