import { createHash } from 'node:crypto';
import forge from 'node-forge';
import { ZipFile } from 'yazl';
import type { SafariSettings } from '../../domain/site.ts';
import { urlFormatOf } from '../../domain/content/safari-payload.ts';

export interface PushPackageInput {
  safari: SafariSettings;
  icons: Map<string, Buffer>;
  /** Where Safari calls us, without a slash at the end. */
  webServiceUrl: string;
  /** What Safari shows when it registers: at least 16 characters. */
  authenticationToken: string;
}

/**
 * The push package of a website (Apple: Building the Push Package, version 2).
 *
 * @returns a zip of the icon set, `website.json`, `manifest.json` with the SHA-512 of each, and `signature`, a
 *   detached PKCS #7 signature of the manifest by the website's certificate
 * @throws when certificate and key do not sign
 */
export async function buildPushPackage(input: PushPackageInput): Promise<Buffer> {
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
  files.set('signature', signatureOf(manifest, safari));
  return zipOf(files);
}

/** @returns DER; the certificates behind the website's own are in it, as Apple wants the intermediate one */
function signatureOf(content: Buffer, { certificate, certificateKey }: SafariSettings): Buffer {
  const blocks = certificate.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const [own] = blocks;
  if (own === undefined) throw new Error('there is no certificate');
  const signed = forge.pkcs7.createSignedData();
  signed.content = forge.util.createBuffer(content.toString('binary'));
  for (const block of blocks) signed.addCertificate(block);
  signed.addSigner({
    key: forge.pki.privateKeyFromPem(certificateKey),
    certificate: own,
    digestAlgorithm: forge.pki.oids.sha256!,
    authenticatedAttributes: [
      { type: forge.pki.oids.contentType!, value: forge.pki.oids.data! },
      { type: forge.pki.oids.messageDigest! },
      { type: forge.pki.oids.signingTime! },
    ],
  });
  signed.sign({ detached: true });
  return Buffer.from(forge.asn1.toDer(signed.toAsn1()).getBytes(), 'binary');
}

async function zipOf(files: Map<string, Buffer>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, bytes] of files) zip.addBuffer(bytes, name);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
