import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface WebAssets {
  /** `/sdk.js`: sets `window.beckon`. */
  sdkJs: string;
  serviceWorkerJs: string;
}

/** Bundles what browsers load: one classic script each (ES2020), in memory. */
export async function bundleWebAssets(): Promise<WebAssets> {
  const [sdkJs, serviceWorkerJs] = await Promise.all([
    bundle('./sdk/sdk.ts'),
    bundle('./service-worker/service-worker.ts'),
  ]);
  return { sdkJs, serviceWorkerJs };
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    format: 'iife',
    target: 'es2020',
    minify: true,
    write: false,
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`nothing was bundled from ${entry}`);
  return file.text;
}
