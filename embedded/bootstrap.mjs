// The door to everything that `npm start`, `npm run demo` and `npm test` run:
//   node embedded/bootstrap.mjs <script.ts> [arguments]
// It needs nothing but Node: it checks the version, installs the dependencies when they are missing or
// differ from package-lock.json, and then runs the script in this same process, so that a signal reaches it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const minimum = [20, 19];

function fail(line) {
  console.error(line);
  process.exit(1);
}

function nodeIsTooOld() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major < minimum[0] || (major === minimum[0] && minor < minimum[1]);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return undefined;
  }
}

/** Says why `npm ci` is needed, or nothing. Contents are compared, since a checkout touches the times. */
function whyInstall() {
  const wanted = readPackages(join(root, 'package-lock.json'));
  if (wanted === undefined) fail('package-lock.json is missing or cannot be read.');
  const present = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (present === undefined) return 'the dependencies are not installed';
  const omitsDev = process.env.NODE_ENV === 'production';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const installed = present[path];
    // npm leaves out what is for another platform, and development tools in production.
    const mayBeAbsent = entry.optional || entry.devOptional || (omitsDev && entry.dev);
    if (installed === undefined && mayBeAbsent) continue;
    if (installed?.version !== entry.version || installed?.integrity !== entry.integrity) {
      return `${path.replace(/^node_modules\//, '')} is not what package-lock.json asks for`;
    }
  }
  return undefined;
}

function install(reason) {
  console.error(`Installing dependencies with "npm ci": ${reason}.`);
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (result.error) fail(`npm could not be started (${result.error.message}). Is npm installed?`);
  if (result.signal) fail(`"npm ci" was ended by ${result.signal}.`);
  if (result.status !== 0) fail(`"npm ci" failed with status ${result.status}; its output above says why.`);
}

if (nodeIsTooOld()) {
  fail(`Beckon needs Node.js ${minimum.join('.')} or newer; this is ${process.versions.node}.`);
}
const script = process.argv[2];
if (script === undefined) fail('Usage: node embedded/bootstrap.mjs <script.ts> [arguments]');

const reason = whyInstall();
if (reason !== undefined) install(reason);

const file = resolve(root, script);
process.argv.splice(1, 2, file);
const { register } = await import('tsx/esm/api');
register();
await import(pathToFileURL(file).href);
