import { setTimeout as delay } from 'node:timers/promises';

/** Less than the ten seconds that a container gets. */
const GIVE_UP_MS = 8_000;

/**
 * Starts something that may take long. Is the process asked to end before that is up, it is given up and ended, and
 * the process ends with status 0.
 *
 * @param start rejects when the signal is aborted, or comes to its end
 * @throws what `start` throws by itself
 */
export async function startUnlessAsked<T>(
  asked: Promise<NodeJS.Signals>,
  start: (signal: AbortSignal) => Promise<T>,
  end: (started: T) => Promise<void>,
): Promise<T> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const givenUp = new AbortController();
  const starting = start(givenUp.signal).then((started) => ({ started }));
  const first = await Promise.race([starting, asked]);
  if (typeof first !== 'string') return first.started;
  say('\nStopping before the start is over.');
  givenUp.abort();
  const ended = starting
    .then(({ started }) => end(started))
    .then(
      () => true,
      () => true,
    );
  // Such as a download, which does not know of it.
  if (!(await Promise.race([ended, delay(GIVE_UP_MS, false)]))) say('Not all of it came to its end.');
  process.exit(0);
}
