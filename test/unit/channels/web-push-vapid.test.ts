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
