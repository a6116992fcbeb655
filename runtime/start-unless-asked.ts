import { setTimeout as delay } from 'node:timers/promises';

import { startFailure } from './start-failure.ts';

/** Less than the ten seconds that a container gets. */
const GIVE_UP_MS = 8_000;

/**
 * Starts something that may take long. Is the process asked to end before that is up, it is given up, or ended where
 * it came up all the same, and the process ends with status 0.
 *
 * @param start rejects with the signal's reason when it was given up
 * @throws what `start` throws by itself
 */
export async function startUnlessAsked<T>(
  asked: Promise<NodeJS.Signals>,
  start: (signal: AbortSignal) => Promise<T>,
  end: (started: T) => Promise<void>,
): Promise<T> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const givenUp = new AbortController();
  const { signal } = givenUp;
  const starting = start(signal).then((started) => ({ started }));
  const first = await Promise.race([starting, asked]);
  if (typeof first !== 'string') return first.started;
  say('\nStopping before the start is over.');
  givenUp.abort();
  try {
    // Such as a download, which does not know of it.
    const last = await Promise.race([starting, delay(GIVE_UP_MS)]);
    // What has come up may have begun to work, and takes the time that it needs.
    if (last) await end(last.started);
    else say('Not all of it came to its end.');
  } catch (error) {
    if (error !== signal.reason) say(startFailure(error));
  }
  process.exit(0);
}
