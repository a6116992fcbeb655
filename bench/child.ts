import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What a child can be asked: by name, what it is given and what it answers. All of it is sent as JSON. */
export type Questions<Q> = { [Name in keyof Q]: { input: unknown; answer: unknown } };

/** A process of its own that answers one question at a time. */
export interface Child<Q extends Questions<Q>> {
  /** @throws what the child threw, or that it has ended */
  ask<Name extends keyof Q & string>(name: Name, input: Q[Name]['input']): Promise<Q[Name]['answer']>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

type Reply = { answer: unknown } | { error: string };

/**
 * Runs a module as a process of its own; it ends with this one.
 *
 * @param moduleUrl of a module that calls {@link answerParent}
 * @param node what Node is told, such as `--cpu-prof`
 */
export function startChild<Q extends Questions<Q>>(moduleUrl: string, node: string[] = []): Child<Q> {
  const child = fork(fileURLToPath(moduleUrl), {
    execArgv: [...node, '--import', 'tsx'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  // A bench that is broken off must not leave it behind; it also ends by itself when the channel closes.
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const exited = once(child, 'exit').then(() => {
    process.off('exit', end);
    return { error: 'the process ended' };
  });
  return {
    async ask(name, input) {
      const reply = once(child, 'message').then(([message]) => message as Reply);
      child.send({ name, input });
      const answer = await Promise.race([reply, exited]);
      if ('error' in answer) throw new Error(`${name}: ${answer.error}`);
      return answer.answer;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** In the child: answers questions until the parent goes. Does nothing where the module is only imported. */
export function answerParent<Q extends Questions<Q>>(
  moduleUrl: string,
  answers: { [Name in keyof Q]: (input: Q[Name]['input']) => Promise<Q[Name]['answer']> },
): void {
  if (moduleUrl !== pathToFileURL(process.argv[1] ?? '').href) return;
  process.on('message', (message: { name: keyof Q; input: never }) => {
    answers[message.name](message.input).then(
      (answer) => process.send?.({ answer } satisfies Reply),
      (error: unknown) =>
        process.send?.({
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        } satisfies Reply),
    );
  });
  process.on('disconnect', () => process.exit());
}
