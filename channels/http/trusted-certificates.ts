import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/**
 * @param ca PEM certificates
 * @returns these beside all that the process trusts otherwise: naming any takes the place of the usual ones, and of
 *   those that `NODE_EXTRA_CA_CERTS` names
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
