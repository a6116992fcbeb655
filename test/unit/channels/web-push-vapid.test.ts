import { webcrypto } from 'node:crypto';
import { expect } from 'chai';
import { createVapidHeaderCache } from '../../../channels/web-push/vapid-header-cache.ts';
import { generateVapidKeys, validateVapidKeys } from '../../../channels/web-push/vapid-keys.ts';

const HOUR = 3_600_000;

describe('VAPID keys', () => {
  it('that are generated are valid, and differ each time', () => {
    const keys = generateVapidKeys();
    expect(validateVapidKeys(keys)).to.equal(null);
    expect(generateVapidKeys().privateKey).to.not.equal(keys.privateKey);
  });

  it('of two pairs do not belong to each other', () => {
    const [one, two] = [generateVapidKeys(), generateVapidKeys()];
    const mixed = { publicKey: one.publicKey, privateKey: two.privateKey };
    expect(validateVapidKeys(mixed)).to.match(/does not belong/);
  });

  it('are refused when they are cut off, padded, or no point or scalar of P-256', () => {
    const { publicKey, privateKey } = generateVapidKeys();
    expect(validateVapidKeys({ publicKey: publicKey.slice(2), privateKey })).to.match(/publicKey/);
    expect(validateVapidKeys({ publicKey: `${publicKey}=`, privateKey })).to.match(/publicKey/);
    expect(validateVapidKeys({ publicKey, privateKey: '' })).to.match(/privateKey/);
    const zero = Buffer.alloc(32).toString('base64url');
    expect(validateVapidKeys({ publicKey, privateKey: zero })).to.match(/not a P-256 private key/);
  });
});

describe('the cache of VAPID headers', () => {
  const vapid = { ...generateVapidKeys(), subject: 'mailto:ops@shop.example' };
  let wall: number;
  let monotonic: number;
  const cache = () =>
    createVapidHeaderCache(
      () => wall,
      () => monotonic,
    );

  beforeEach(() => {
    wall = Date.now();
    monotonic = 0;
  });

  function claims(header: string): { aud: string; exp: number; sub: string } {
    const token = /t=[^.]+\.([^.]+)\./.exec(header)?.[1] ?? '';
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as {
      aud: string;
      exp: number;
      sub: string;
    };
  }

  it('signs for the origin, for twelve hours', () => {
    const signed = claims(cache().headerFor('https://push.example', vapid));
    expect(signed).to.deep.equal({
      aud: 'https://push.example',
      exp: Math.floor((wall + 12 * HOUR) / 1000),
      sub: 'mailto:ops@shop.example',
    });
  });

  it('gives the same header for six hours, and then a new one', () => {
    const { headerFor } = cache();
    const first = headerFor('https://push.example', vapid);
    wall += 6 * HOUR - 1;
    monotonic += 6 * HOUR - 1;
    expect(headerFor('https://push.example', vapid)).to.equal(first);
    wall += 1;
    monotonic += 1;
    const second = headerFor('https://push.example', vapid);
    expect(claims(second).exp).to.equal(Math.floor((wall + 12 * HOUR) / 1000));
  });

  it('renews when the wall clock is set back, or stands still', () => {
    const { headerFor } = cache();
    const first = headerFor('https://push.example', vapid);
    wall -= 1000;
    const second = headerFor('https://push.example', vapid);
    expect(second).to.not.equal(first);
    monotonic += 6 * HOUR;
    expect(headerFor('https://push.example', vapid)).to.not.equal(second);
  });

  it('keeps one header for each origin, key and subject', () => {
    const { headerFor } = cache();
    const others = [
      headerFor('https://other.example', vapid),
      headerFor('https://push.example', { ...vapid, subject: 'https://shop.example' }),
      headerFor('https://push.example', { ...generateVapidKeys(), subject: vapid.subject }),
    ];
    const first = headerFor('https://push.example', vapid);
    expect(new Set([first, ...others]).size).to.equal(4);
    expect(headerFor('https://other.example', vapid)).to.equal(others[0]);
  });

  it('signs anew when the private key was corrected', () => {
    const { headerFor } = cache();
    const wrong = headerFor('https://push.example', { ...vapid, privateKey: generateVapidKeys().privateKey });
    expect(headerFor('https://push.example', vapid)).to.not.equal(wrong);
  });

  it('throws for keys or a subject that cannot sign', () => {
    expect(() => cache().headerFor('https://push.example', { ...vapid, privateKey: 'x' })).to.throw();
    expect(() => cache().headerFor('https://push.example', { ...vapid, subject: 'ops' })).to.throw();
  });
});

/** Whether the token of an Authorization header is signed by its own `k`, by RFC 8292 and RFC 7515 with WebCrypto. */
async function verifies(header: string): Promise<boolean> {
  const match = /^vapid t=([\w-]+\.[\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(header);
  if (!match) throw new Error('not of the form of RFC 8292 section 3');
  const [, signed = '', signature = '', key = ''] = match;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const publicKey = await webcrypto.subtle.importKey('raw', Buffer.from(key, 'base64url'), algorithm, false, [
    'verify',
  ]);
  const bytes = Buffer.from(signature, 'base64url');
  return webcrypto.subtle.verify(algorithm, publicKey, bytes, Buffer.from(signed));
}

describe('the VAPID header', () => {
  // RFC 8292 section 2.4.
  const example =
    'vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs';
  const vapid = { ...generateVapidKeys(), subject: 'mailto:push@example.com' };
  const headerOf = (keys = vapid): string =>
    createVapidHeaderCache(Date.now, () => 0).headerFor('https://push.example.net', keys);
  const partsOf = (header: string): unknown[] =>
    (/t=([^.]+)\.([^.]+)/.exec(header)?.slice(1) ?? []).map(
      (part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown,
    );

  it('of the example of RFC 8292 section 2.4 verifies, and not when a character of its token is changed', async () => {
    expect(await verifies(example)).to.equal(true);
    expect(await verifies(example.replace('.eyJhdWQi', '.eyJhdWQj'))).to.equal(false);
  });

  it('has the form of that example, and verifies with code of its own', async () => {
    const header = headerOf();
    expect(await verifies(header)).to.equal(true);
    expect(header).to.match(new RegExp(`, k=${vapid.publicKey}$`));
    const [head, claims] = partsOf(header) as [unknown, Record<string, unknown>];
    const [exampleHead, exampleClaims] = partsOf(example) as [unknown, Record<string, unknown>];
    expect(head).to.deep.equal(exampleHead);
    expect(Object.keys(claims).toSorted()).to.deep.equal(Object.keys(exampleClaims).toSorted());
    expect({ ...claims, exp: 0 }).to.deep.equal({ ...exampleClaims, exp: 0 });
  });

  it('does not verify with the public key of somebody else', async () => {
    const header = headerOf().replace(vapid.publicKey, generateVapidKeys().publicKey);
    expect(await verifies(header)).to.equal(false);
  });
});
