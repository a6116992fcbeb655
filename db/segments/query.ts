import type { Collection } from 'mongoose';
import { SegmentTooSlow } from '../../domain/audience/audience-errors.ts';

/** MongoDB's answer when a query ran into its own time limit, or a pipeline into its memory. */
const CUT_OFF_CODES = new Set([50, 262, 292]);

/** How long one call may take. */
export interface Deadline {
  /** Milliseconds that are left. @throws {SegmentTooSlow} when none are */
  left(): number;
  /** Waits for work that goes on by itself, no longer than this. */
  of(work: Promise<void>): Promise<void>;
  /** @returns the same error as {@link left}, when a query was cut off */
  named(error: unknown): unknown;
}

export function deadlineIn(ms: number): Deadline {
  const end = performance.now() + ms;
  return {
    left() {
      const left = Math.floor(end - performance.now());
      if (left <= 0) throw new SegmentTooSlow(ms);
      return left;
    },
    async of(work) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          reject(new SegmentTooSlow(ms));
        }, this.left());
      });
      await Promise.race([work, late]).finally(() => {
        clearTimeout(timer);
      });
    },
    named(error) {
      const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
      return CUT_OFF_CODES.has(code as number) ? new SegmentTooSlow(ms) : error;
    },
  };
}

/** An aggregation under the deadline. */
export async function* aggregated<T extends object>(
  collection: Collection,
  pipeline: object[],
  deadline: Deadline,
): AsyncGenerator<T> {
  const options = { maxTimeMS: deadline.left(), batchSize: 10_000, allowDiskUse: true };
  try {
    for await (const doc of collection.aggregate(pipeline, options)) {
      deadline.left();
      yield doc as T;
    }
  } catch (error) {
    throw deadline.named(error);
  }
}

/** The first document of an aggregation under the deadline. */
export async function firstOf<T extends object>(
  collection: Collection,
  pipeline: object[],
  deadline: Deadline,
): Promise<T | undefined> {
  for await (const doc of aggregated<T>(collection, pipeline, deadline)) return doc;
  return undefined;
}

/** @returns the items in lists of at most so many */
export async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
