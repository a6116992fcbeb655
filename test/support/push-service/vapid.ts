import { createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';

const MAX_LIFE_SECONDS = 24 * 3600;

const Claims = z.object({ aud: z.string(), exp: z.number(), sub: z.string().optional() });
export type VapidClaims = z.infer<typeof Claims>;

/** How an Authorization header fared: its claims and key, or the status a push service refuses it with. */
export type VapidVerdict =
  { ok: true; claims: VapidClaims; publicKey: string } | { ok: false; status: 401 | 403; why: string };

export interface VapidVerifier {
  /** Judges an Authorization header by RFC 8292: 401 when there is none of its form, 403 when it is wrong. */
  verify(authorization: string | undefined): VapidVerdict;
}

/** Signatures are remembered per header, as senders repeat them; the expiry is looked at each time. */
export function createVapidVerifier(origin: string, now: () => number): VapidVerifier {
  const verified = new Map<string, VapidVerdict>();

  return {
    verify(authorization) {
      const match = /^vapid (?=.*\bt=([\w.-]+))(?=.*\bk=([\w-]+))/i.exec(authorization ?? '');
      const [, token, key] = match ?? [];
      if (!authorization || !token || !key) {
        return { ok: false, status: 401, why: 'Authorization is not "vapid t=…, k=…"' };
      }
      const verdict = verified.get(authorization) ?? checkSignature(token, key);
      if (verified.size < 10_000) verified.set(authorization, verdict);
      return verdict.ok ? checkClaims(verdict, origin, now() / 1000) : verdict;
    },
  };
}

function refuse(why: string): VapidVerdict {
  return { ok: false, status: 403, why };
}

function checkSignature(token: string, key: string): VapidVerdict {
  const [header, payload, signature, ...more] = token.split('.');
  if (!header || !payload || !signature || more.length > 0) return refuse('the token is not a JWT');
  try {
    const point = Buffer.from(key, 'base64url');
    if (point.length !== 65 || point[0] !== 4) return refuse('k is not a P-256 point');
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    };
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    const signed = Buffer.from(`${header}.${payload}`);
    const bytes = Buffer.from(signature, 'base64url');
    if (z.object({ alg: z.string() }).parse(fromBase64(header)).alg !== 'ES256')
      return refuse('alg is not ES256');
    if (!verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes)) {
      return refuse('the signature does not match k');
    }
    return { ok: true, claims: Claims.parse(fromBase64(payload)), publicKey: key };
  } catch {
    return refuse('the token cannot be read');
  }
}

function checkClaims(verdict: VapidVerdict & { ok: true }, origin: string, nowSeconds: number): VapidVerdict {
  const { aud, exp, sub } = verdict.claims;
  if (aud !== origin) return refuse(`aud is ${aud}, not ${origin}`);
  if (exp <= nowSeconds) return refuse('the token has expired');
  if (exp > nowSeconds + MAX_LIFE_SECONDS) return refuse('exp is more than 24 hours away');
  if (!sub || !/^(mailto:|https:)/.test(sub)) return refuse('sub is neither mailto: nor https:');
  return verdict;
}

function fromBase64(text: string): unknown {
  return JSON.parse(Buffer.from(text, 'base64url').toString());
}
