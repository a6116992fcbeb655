import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/**
 * @param ca PEM certificates
 * @returns these beside the ones that Node comes with and those that `NODE_EXTRA_CA_CERTS` names: whoever names any
 *   names them in the place of all these
 */
export function trustedWith(ca: string | string[]): string[] {
  return [...rootCertificates, ...extraCertificates(), ...[ca].flat()];
}

function extraCertificates(): string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (file === undefined || file === '') return [];
  try {
    return [readFileSync(file, 'utf8')];
  } catch {
    // Node itself warns of a file that it cannot read.
    return [];
  }
}
