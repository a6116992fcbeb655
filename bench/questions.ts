import type { Segment } from '../domain/audience/segment.ts';
import { daysBefore, plainCombination, plainDid, plainProperties, type Plain } from './plain.ts';

/** A segment, what a person would write by hand for it, and what is asked of the time it takes. */
export interface Question {
  title: string;
  segment(nowMs: number): Segment;
  plain: Plain;
  /** At least this many times faster than plain, and a median below so many seconds. */
  ratio?: number;
  mostSeconds: number;
  /** Asked again once the property is promoted. */
  promotes?: { event: string; property: string };
}

const FAST = { ratio: 10, mostSeconds: 0.7 };
const COUNTRIES = ['DE', 'AT'];

export const QUESTIONS: readonly Question[] = [
  {
    title: 'property',
    segment: () => ({
      all: [
        { property: 'country', op: 'in', value: COUNTRIES },
        { property: 'plan', op: 'eq', value: 'gold' },
      ],
    }),
    plain: plainProperties({ country: { $in: COUNTRIES }, 'properties.plan': 'gold' }),
    ...FAST,
  },
  {
    title: 'did at least twice in 30 days',
    segment: () => ({ did: { event: 'Page Viewed', count: { gte: 2 }, within: '30d' } }),
    plain: plainDid('Page Viewed', 2, { from: 30 }),
    ...FAST,
  },
  {
    title: 'property, did and did not',
    segment: () => ({
      all: [
        { property: 'country', op: 'in', value: COUNTRIES },
        { did: { event: 'Added To Cart', within: '30d' } },
        { didNot: { event: 'Charged', within: '30d' } },
      ],
    }),
    plain: plainCombination('Added To Cart', { country: { $in: COUNTRIES } }, 'Charged', 30),
    ...FAST,
  },
  {
    title: 'twice, 90 to 60 days ago',
    segment: (nowMs) => ({
      did: {
        event: 'Page Viewed',
        count: { gte: 2 },
        between: [daysBefore(nowMs, 90).toISOString(), daysBefore(nowMs, 60).toISOString()],
      },
    }),
    plain: plainDid('Page Viewed', 2, { from: 90, to: 60 }),
    mostSeconds: 5,
  },
  {
    title: 'Charged, Amount over 900',
    segment: () => ({
      did: { event: 'Charged', where: [{ property: 'Amount', op: 'gt', value: 900 }], within: '30d' },
    }),
    plain: plainDid('Charged', 1, { from: 30 }, { 'properties.Amount': { $gt: 900 } }),
    mostSeconds: 5,
    promotes: { event: 'Charged', property: 'Amount' },
  },
];
