import { createHash } from 'node:crypto';
import { ZipFile } from 'yazl';
import type { SafariSettings } from '../../domain/site.ts';
import { urlFormatOf } from '../../domain/content/safari-payload.ts';
import { Problem } from '../http/problem.ts';
import { createSigner } from './signer.ts';

export interface PushPackageInput {
  safari: SafariSettings;
  icons: Map<string, Buffer>;
  /** Where Safari calls us, without a slash at the end. */
  webServiceUrl: string;
  /** What Safari shows when it registers: at least 16 characters. */
  authenticationToken: string;
}

/** Signing and packing run on threads that the rest of the process needs too. */
const AT_ONCE = 2;
/** Who comes when so many wait is asked to come again. */
const MOST_WAITING = 200;

type Sign = ReturnType<typeof createSigner>;

/**
 * @returns a function that builds the push package of a website (Apple: Building the Push Package, version 2): a zip
 *   of the icon set, `website.json`, `manifest.json` with the SHA-512 of each, and `signature`, a detached PKCS #7
 *   signature of the manifest by the website's certificate. It throws when certificate and key do not sign, and
 *   Problem `too_many_requests` when too many are being built.
 */
export function createPushPackages(): (input: PushPackageInput) => Promise<Buffer> {
  const signed = createSigner();
  const waiting: (() => void)[] = [];
  let underWay = 0;

  return async (input) => {
    if (underWay >= AT_ONCE) {
      if (waiting.length >= MOST_WAITING) {
        throw new Problem('too_many_requests', 'too many push packages are asked for', [], {
          'Retry-After': '5',
        });
      }
      // Who ends hands the place on, so that nobody slips in between.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else underWay += 1;
    try {
      return await build(input, signed);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else underWay -= 1;
    }
  };
}

async function build(input: PushPackageInput, sign: Sign): Promise<Buffer> {
  const { safari, icons, webServiceUrl, authenticationToken } = input;
  const website = {
    websiteName: safari.websiteName,
    websitePushID: safari.websitePushId,
    allowedDomains: safari.allowedDomains,
    urlFormatString: urlFormatOf(safari),
    authenticationToken,
    webServiceURL: webServiceUrl,
  };
  const files = new Map<string, Buffer>([
    ...[...icons].map(([name, png]) => [`icon.iconset/${name}`, png] as const),
    ['website.json', Buffer.from(JSON.stringify(website))],
  ]);
  const hashes = [...files].map(([name, bytes]) => [
    name,
    { hashType: 'sha512', hashValue: createHash('sha512').update(bytes).digest('hex') },
  ]);
  const manifest = Buffer.from(JSON.stringify(Object.fromEntries(hashes)));
  files.set('manifest.json', manifest);
  files.set('signature', await sign(manifest, safari));
  return zipOf(files);
}

async function zipOf(files: Map<string, Buffer>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, bytes] of files) zip.addBuffer(bytes, name);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
