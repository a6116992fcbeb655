import { createHash, createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import type { SafariSettings } from '../../domain/site.ts';

const signAsync = promisify<string, Buffer, KeyObject, Buffer>(sign);
/** Sites whose certificate and key are kept as they were read. */
const MOST_KEPT = 64;

interface Identity {
  key: KeyObject;
  /** The website's own first. */
  certificates: forge.pki.Certificate[];
}

/** The parts of the library's message that its types leave out. */
interface SignedParts {
  signers: { authenticatedAttributesAsn1: forge.asn1.Asn1; signature?: string }[];
  signerInfos: forge.asn1.Asn1[];
}

/**
 * @returns a function that signs content by the certificate of a website: a detached PKCS #7 signature as DER, with
 *   the certificates behind the website's own in it, as Apple wants the intermediate one. It throws when certificate
 *   and key do not sign.
 */
export function createSigner(): (content: Buffer, safari: SafariSettings) => Promise<Buffer> {
  const kept = new Map<string, Identity>();

  function identityOf(safari: SafariSettings): Identity {
    const { certificate, certificateKey } = safari;
    const key = createHash('sha256')
      .update(JSON.stringify([certificate, certificateKey]))
      .digest('base64url');
    const identity = kept.get(key) ?? readIdentity(safari);
    kept.delete(key);
    kept.set(key, identity);
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    return identity;
  }

  return async (content, safari) => {
    const { key, certificates } = identityOf(safari);
    const message = forge.pkcs7.createSignedData();
    message.content = forge.util.createBuffer(content.toString('binary'));
    for (const certificate of certificates) message.addCertificate(certificate);
    message.addSigner({
      // The library signs in JavaScript and holds everything else up meanwhile; its own signature is left empty.
      key: { sign: () => '' } as unknown as forge.pki.rsa.PrivateKey,
      certificate: certificates[0]!,
      digestAlgorithm: forge.pki.oids.sha256!,
      authenticatedAttributes: [
        { type: forge.pki.oids.contentType!, value: forge.pki.oids.data! },
        { type: forge.pki.oids.messageDigest! },
        { type: forge.pki.oids.signingTime! },
      ],
    });
    message.sign({ detached: true });
    const { signers, signerInfos } = message as unknown as SignedParts;
    const signature = await signAsync('sha256', attributesOf(signers[0]!), key);
    // The encrypted digest is the last part of what is said of a signer (RFC 2315 section 9.2).
    const said = signerInfos[0]!.value as forge.asn1.Asn1[];
    said.at(-1)!.value = signature.toString('binary');
    return Buffer.from(forge.asn1.toDer(message.toAsn1()).getBytes(), 'binary');
  };
}

/** @returns what is signed: the attributes as a set, and not under the tag they are sent with (RFC 2315 section 9.3) */
function attributesOf({ authenticatedAttributesAsn1: sent }: SignedParts['signers'][number]): Buffer {
  const { Class, Type, create, toDer } = forge.asn1;
  const set = create(Class.UNIVERSAL, Type.SET, true, sent.value);
  return Buffer.from(toDer(set).getBytes(), 'binary');
}

function readIdentity({ certificate, certificateKey }: SafariSettings): Identity {
  const blocks = certificate.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error('there is no certificate');
  const key = createPrivateKey(certificateKey);
  if (key.asymmetricKeyType !== 'rsa') throw new Error('the key is no RSA key');
  return { key, certificates: blocks.map((block) => forge.pki.certificateFromPem(block)) };
}
