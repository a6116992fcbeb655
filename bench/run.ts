// npm run bench -- <name>: measures what is promised, and fails when a promise is not kept.
import { benchPush } from './push.ts';
import { benchSegments } from './segment.ts';
import { say } from './report.ts';

const BENCHES: Record<string, (options: string[]) => Promise<boolean>> = {
  push: benchPush,
  segment: benchSegments,
};

const [name = '', ...options] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  say(`Usage: npm run bench -- ${Object.keys(BENCHES).join(' | ')}`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = (await bench(options)) ? 0 : 1;
  } catch (error) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}
