// `npm run demo`: shows a campaign of each kind at work, and checks that everybody got what they should.
//   npm run demo                    on the stack that npm start runs, else on one of its own
//   npm run demo -- --withhold 1    the push service keeps so many pushes from the browsers: must be noticed
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runUntilSignal } from '../../runtime/run-until-signal.ts';
import { readConfig, type Config } from '../../config.ts';
import { ensureDemoPush, type DemoPush } from '../../embedded/demo-push.ts';
import { findRunningStack } from '../../embedded/stack-file.ts';
import { startStack } from '../../embedded/start.ts';
import { startPushService, type PushService } from '../support/push-service/push-service.ts';
import { countPushes } from './people.ts';
import { statsTable, workflowLink } from './report.ts';
import { createStory, type Story, type StoryEnd } from './story.ts';

interface UsedStack {
  url: string;
  adminKey: string;
  temporalUiUrl: string | undefined;
  isOwn: boolean;
  stop(): Promise<void>;
}

const MOST_FAULTS = 20;
const USAGE = `npm run demo [-- options]

Shows a campaign of each kind at work, on the stack that npm start runs, else on one of its own, and checks
that everybody got what they should. Ends with status 0 if so, else with 1.

  --withhold <n>   the push service keeps the first n of the ${countPushes()} pushes from the browsers: must be noticed
  --help           shows this`;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { help, withhold } = readArguments();
  if (help) {
    say(USAGE);
    return 0;
  }
  const config = readConfig({ LOG_LEVEL: 'warn', ...process.env });
  const asked = runUntilSignal();
  const isStarting = { now: true };
  // Servers that are still starting end by themselves when this process is gone.
  void asked.then(() => isStarting.now && process.exit(130));

  const demoPush = await ensureDemoPush(resolve(config.dataDir));
  const push = await listen(demoPush);
  const ends: (() => Promise<void>)[] = [() => push.close()];
  try {
    const stack = await findOrStart(config);
    ends.unshift(() => stack.stop());
    isStarting.now = false;
    push.withhold(withhold);

    const run = `demo-${new Date().toISOString().slice(5, 16).replace(/\D/g, '')}-${randomBytes(2).toString('hex')}`;
    say('');
    say(`Beckon demo ${run}`);
    say(`  stack          ${stack.url} (${stack.isOwn ? 'started for this demo' : 'was running'})`);
    say(`  push service   ${push.url}, in the place of the browsers' own`);
    const story = createStory({ url: stack.url, adminKey: stack.adminKey, push, run, say });
    const end = await Promise.race([story.play(), asked]);
    if (typeof end === 'string') return await interrupted(story);
    show(end, config, stack, withhold);
    return end.faults.length === 0 ? 0 : 1;
  } finally {
    for (const close of ends) await close();
  }
}

function readArguments(): { help: boolean; withhold: number } {
  const { values } = parseArgs({
    options: {
      withhold: { type: 'string', default: '0' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const most = countPushes();
  if (!/^\d{1,6}$/.test(values.withhold) || Number(values.withhold) > most) {
    throw new Error(`--withhold takes a whole number from 0 to ${most}, which is how many pushes there are`);
  }
  return { help: values.help, withhold: Number(values.withhold) };
}

/** The port and certificate are those that the stack trusts. */
async function listen({ port, cert, key }: DemoPush): Promise<PushService> {
  try {
    return await startPushService({ port, tls: { cert, key }, decryptOnReceipt: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`port ${port}, where the push service is to listen, is taken: does another demo run?`, {
      cause: error,
    });
  }
}

async function findOrStart(config: Config): Promise<UsedStack> {
  const running = await findRunningStack(config.dataDir);
  if (running) {
    const adminKey = config.adminKey ?? running.adminKey;
    if (adminKey === undefined)
      throw new Error('set BECKON_ADMIN_KEY to the key that the first start showed');
    const { url, temporalUiUrl } = running;
    return { url, adminKey, temporalUiUrl, isOwn: false, stop: () => Promise.resolve() };
  }
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const stack = await startStack(config, { say: tell, exactPort: false, ui: true });
  const { url, adminKey, temporalUiUrl } = stack;
  const stop = async (): Promise<void> => {
    tell('Stopping: API, worker, Temporal, MongoDB.');
    await stack.stop();
  };
  if (adminKey !== undefined) return { url, adminKey, temporalUiUrl, isOwn: true, stop };
  await stop();
  throw new Error('set BECKON_ADMIN_KEY to the key that the first start showed');
}

async function interrupted(story: Story): Promise<number> {
  say('');
  await story.breakOff();
  say('Interrupted: the campaigns of this demo are stopped.');
  return 130;
}

function show(end: StoryEnd, config: Config, stack: UsedStack, withheld: number): void {
  say('');
  for (const line of statsTable(end.campaigns)) say(line);
  say('');
  const ui = stack.temporalUiUrl;
  say(ui === undefined ? 'Workflows in Temporal:' : 'In the Temporal UI:');
  const width = Math.max(...end.workflows.map(({ what }) => what.length));
  for (const { what, workflowId } of end.workflows) {
    const place = ui === undefined ? workflowId : workflowLink(ui, config.temporalNamespace, workflowId);
    say(`  ${what.padEnd(width)}  ${place}`);
  }
  if (ui !== undefined && stack.isOwn)
    say('  (npm start shows these pages again: this stack ends with the demo)');
  say('');
  if (end.faults.length === 0) {
    say('Everybody got exactly what they should.');
    return;
  }
  say(`${end.faults.length} ${end.faults.length === 1 ? 'thing is' : 'things are'} wrong:`);
  for (const fault of end.faults.slice(0, MOST_FAULTS)) say(`  ${fault}`);
  if (end.faults.length > MOST_FAULTS) say(`  and ${end.faults.length - MOST_FAULTS} more`);
  if (withheld > 0) say(`(--withhold ${withheld} made the push service keep that many from the browsers.)`);
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    const { message, cause } = error instanceof Error ? error : new Error(String(error));
    const because = cause instanceof Error && cause.message !== '' ? ` (${cause.message})` : '';
    process.stderr.write(`The demo failed: ${message}${because}\n`);
    process.exit(1);
  },
);
