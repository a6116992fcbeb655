import type { MessageRepository, MessageResult } from '../../domain/ports/messages.ts';
import { delay } from '../delay.ts';

/** How results are gathered into writes: every so many, or after so long. */
export interface RecorderLimits {
  flushEvery: number;
  flushAfterMs: number;
}

/** Gathers results and writes them in bulk, one write at a time. */
export interface Recorder {
  /**
   * Waits while a full batch is already waiting, so that what is unrecorded stays bounded.
   * @throws after a write has failed, so that nothing more is started; the result is kept and written later
   */
  add(result: MessageResult): Promise<void>;
  /**
   * Writes what is left, and `more`; again and again while the database does not answer and `mayRecord` holds.
   * @returns the ids whose token no longer held the row
   * @throws what the last write threw, when something could not be recorded
   */
  close(more?: MessageResult[]): Promise<string[]>;
}

const WRITE_AGAIN_MS = 250;

/**
 * What was sent and not yet recorded is what may go out twice after a kill. It is bounded by two batches,
 * one being written and one waiting, and by those whose `add` has not returned.
 *
 * @param mayRecord whether the rows can still be ours
 */
export function createRecorder(
  messages: Pick<MessageRepository, 'record'>,
  limits: RecorderLimits,
  mayRecord: () => boolean,
): Recorder {
  const waiting: MessageResult[] = [];
  const lost: string[] = [];
  let writing: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let failure: Error | undefined;

  /** Writes one batch, or waits for the one that is being written. Never rejects. */
  function flush(): Promise<void> {
    if (waiting.length === 0 && writing === null) return Promise.resolve();
    writing ??= writeBatch().finally(() => {
      writing = null;
      if (waiting.length > 0) flushSoon();
    });
    return writing;
  }

  async function writeBatch(): Promise<void> {
    const batch = waiting.splice(0, limits.flushEvery);
    try {
      lost.push(...(await messages.record(batch)));
      failure = undefined;
    } catch (error) {
      // It may have been written all the same; writing it once more is harmless.
      waiting.unshift(...batch);
      failure = error instanceof Error ? error : new Error(String(error));
    }
  }

  function flushSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void (writing ?? Promise.resolve()).then(flush);
    }, limits.flushAfterMs);
  }

  return {
    async add(result) {
      waiting.push(result);
      flushSoon();
      while (waiting.length >= limits.flushEvery && failure === undefined) await flush();
      if (failure !== undefined) throw failure;
    },
    async close(more = []) {
      waiting.push(...more);
      while (waiting.length > 0 || writing) {
        await flush();
        if (failure === undefined) continue;
        if (!mayRecord()) break;
        await delay(WRITE_AGAIN_MS);
      }
      clearTimeout(timer);
      if (waiting.length > 0 && failure !== undefined) throw failure;
      return lost;
    },
  };
}
