import type { MessageRepository, MessageResult } from '../../domain/ports/repositories.ts';

/** How results are gathered into writes: every so many, or after so long. */
export interface RecorderLimits {
  flushEvery: number;
  flushAfterMs: number;
}

/** Gathers results and writes them in bulk, one write at a time. */
export interface Recorder {
  /** Waits while a full batch is already waiting, so that what is unrecorded stays bounded. */
  add(result: MessageResult): Promise<void>;
  /** Writes what is left. @returns the ids whose token no longer held the row */
  close(): Promise<string[]>;
}

/**
 * What was sent and not yet recorded is what may go out twice after a kill. It is bounded by two batches:
 * one being written and one waiting.
 */
export function createRecorder(
  messages: Pick<MessageRepository, 'record'>,
  limits: RecorderLimits,
): Recorder {
  let waiting: MessageResult[] = [];
  let writing: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let failure: Error | undefined;
  const lost: string[] = [];

  function flush(): Promise<void> {
    if (timer) clearTimeout(timer);
    timer = null;
    if (writing) return writing.then(() => (waiting.length > 0 ? flush() : undefined));
    if (waiting.length === 0) return Promise.resolve();
    const batch = waiting;
    waiting = [];
    writing = messages
      .record(batch)
      .then((ids) => {
        lost.push(...ids);
      })
      .catch((error: unknown) => {
        failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        writing = null;
      });
    return writing;
  }

  return {
    async add(result) {
      waiting.push(result);
      if (waiting.length >= limits.flushEvery) {
        while (waiting.length >= limits.flushEvery && failure === undefined) await flush();
      } else timer ??= setTimeout(() => void flush(), limits.flushAfterMs);
      if (failure !== undefined) throw failure;
    },
    async close() {
      while (waiting.length > 0 || writing) {
        await flush();
        if (failure !== undefined) break;
      }
      if (timer) clearTimeout(timer);
      if (failure !== undefined) throw failure;
      return lost;
    },
  };
}
