import { ECDH, webcrypto } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { encryptPush, MAX_PAYLOAD_BYTES } from '../../../channels/web-push/encrypt.ts';

const { subtle } = webcrypto;
const P256 = { name: 'ECDH', namedCurve: 'P-256' };
const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');

interface Browser {
  privateKey: webcrypto.CryptoKey;
  p256dh: Buffer;
  auth: Buffer;
}

/** HKDF of RFC 5869, extract and expand in one. */
async function hkdf(salt: Buffer, secret: Buffer, info: Buffer, length: number): Promise<Buffer> {
  const key = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  return Buffer.from(await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, length * 8));
}

/** The one record of an aes128gcm body, by RFC 8188 section 2. Throws when it is anything else. */
async function decryptRecord(body: Buffer, keyingMaterial: Buffer): Promise<Buffer> {
  const salt = body.subarray(0, 16);
  const record = body.subarray(21 + body.readUInt8(20));
  if (record.length > body.readUInt32BE(16)) throw new Error('more than one record');
  const raw = await hkdf(salt, keyingMaterial, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const iv = await hkdf(salt, keyingMaterial, Buffer.from('Content-Encoding: nonce\0'), 12);
  const key = await subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
  const padded = Buffer.from(await subtle.decrypt({ name: 'AES-GCM', iv }, key, record));
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (padded[end] !== 2) throw new Error('the padding does not begin with 2');
  return padded.subarray(0, end);
}

/** What a browser does with a push, by RFC 8291 sections 3.3 and 3.4, with nothing but WebCrypto. */
async function read(body: Buffer, browser: Browser): Promise<Buffer> {
  const senderKey = body.subarray(21, 21 + body.readUInt8(20));
  const sender = await subtle.importKey('raw', senderKey, P256, false, []);
  const shared = await subtle.deriveBits({ name: 'ECDH', public: sender }, browser.privateKey, 256);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), browser.p256dh, senderKey]);
  return decryptRecord(body, await hkdf(browser.auth, Buffer.from(shared), info, 32));
}

async function newBrowser(): Promise<Browser> {
  const keys = await subtle.generateKey(P256, true, ['deriveBits']);
  const p256dh = Buffer.from(await subtle.exportKey('raw', keys.publicKey));
  return {
    privateKey: keys.privateKey,
    p256dh,
    auth: Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))),
  };
}

// RFC 8291 section 5 and appendix A.
const EXAMPLE = {
  plaintext: 'When I grow up, I want to be a watermelon',
  p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  browserKey: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  senderKey: 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw',
  salt: 'DGv6ra1nlYgDCS1FRnbzlw',
  body: 'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
};

async function exampleBrowser(): Promise<Browser> {
  const p256dh = bytes(EXAMPLE.p256dh);
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: EXAMPLE.browserKey,
    x: p256dh.subarray(1, 33).toString('base64url'),
    y: p256dh.subarray(33).toString('base64url'),
  };
  const privateKey = await subtle.importKey('jwk', jwk, P256, false, ['deriveBits']);
  return { privateKey, p256dh, auth: bytes(EXAMPLE.auth) };
}

describe('the encryption of a push', function () {
  this.timeout(20_000);
  let browser: Browser;
  before(async () => {
    browser = await newBrowser();
  });

  it('gives the example of RFC 8291 section 5, byte for byte', () => {
    const receiver = { p256dh: bytes(EXAMPLE.p256dh), auth: bytes(EXAMPLE.auth) };
    const ephemeral = { privateKey: bytes(EXAMPLE.senderKey), salt: bytes(EXAMPLE.salt) };
    const body = encryptPush(receiver, Buffer.from(EXAMPLE.plaintext), ephemeral);
    expect(body.toString('base64url')).to.equal(EXAMPLE.body);
  });

  it('forgets the key of an example: the next message has one of its own', async () => {
    const receiver = { p256dh: bytes(EXAMPLE.p256dh), auth: bytes(EXAMPLE.auth) };
    const ephemeral = { privateKey: bytes(EXAMPLE.senderKey), salt: bytes(EXAMPLE.salt) };
    encryptPush(receiver, Buffer.from('a'), ephemeral);
    const next = encryptPush(receiver, Buffer.from('b'));
    expect(next.subarray(21, 86)).to.not.deep.equal(bytes(EXAMPLE.body).subarray(21, 86));
    expect((await read(next, await exampleBrowser())).toString()).to.equal('b');
  });

  it('is checked with code that reads the examples of RFC 8188 section 3.1 and RFC 8291 section 5', async () => {
    const walrus = bytes('I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg');
    expect((await decryptRecord(walrus, bytes('yqdlZ-tYemfogSmv7Ws5PQ'))).toString()).to.equal(
      'I am the walrus',
    );
    const melon = await read(bytes(EXAMPLE.body), await exampleBrowser());
    expect(melon.toString()).to.equal(EXAMPLE.plaintext);
  });

  it('is read by any browser as it was, from 0 to 3,993 bytes', async () => {
    const payloads = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ minLength: 3_900, maxLength: MAX_PAYLOAD_BYTES, size: 'max' }),
      // What ends as the padding does.
      fc.constantFrom(Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(2), Uint8Array.of(2, 0, 0)),
      fc.constant(new Uint8Array(MAX_PAYLOAD_BYTES)),
    );
    await fc.assert(
      fc.asyncProperty(payloads, async (payload) => {
        const other = await newBrowser();
        const body = encryptPush(other, Buffer.from(payload));
        expect(body.length).to.equal(payload.length + 103);
        expect(body.readUInt32BE(16)).to.equal(4_096);
        expect(await read(body, other)).to.deep.equal(Buffer.from(payload));
      }),
      { numRuns: 200 },
    );
  });

  it('makes at most the 4,096 bytes that every push service takes, and refuses a byte more', () => {
    expect(MAX_PAYLOAD_BYTES).to.equal(3_993);
    expect(encryptPush(browser, Buffer.alloc(3_993))).to.have.length(4_096);
    expect(() => encryptPush(browser, Buffer.alloc(3_994))).to.throw(RangeError);
  });

  it('never uses a key or a salt again', () => {
    const bodies = Array.from({ length: 500 }, () => encryptPush(browser, Buffer.from('the same')));
    for (const [from, to] of [
      [0, 16],
      [21, 86],
      [86, 111],
    ]) {
      expect(new Set(bodies.map((body) => body.toString('hex', from, to))).size).to.equal(500);
    }
  });

  it('is read by nobody else', async () => {
    const body = encryptPush(browser, Buffer.from('for one'));
    const other = await newBrowser();
    for (const wrong of [other, { ...browser, auth: other.auth }, { ...browser, p256dh: other.p256dh }]) {
      const failure = await read(body, wrong).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(Error);
    }
  });

  it('refuses keys that are no point of P-256, or of another length', () => {
    const payload = Buffer.from('x');
    const off = Buffer.from(browser.p256dh);
    off[64] = (off[64] ?? 0) ^ 1;
    const compressed = ECDH.convertKey(
      browser.p256dh,
      'prime256v1',
      undefined,
      undefined,
      'compressed',
    ) as Buffer;
    for (const p256dh of [off, compressed, Buffer.alloc(65), Buffer.alloc(65, 4), Buffer.alloc(0)]) {
      expect(() => encryptPush({ ...browser, p256dh }, payload), p256dh.toString('hex')).to.throw();
    }
    expect(() => encryptPush({ ...browser, auth: Buffer.alloc(15) }, payload)).to.throw(RangeError);
    expect(() => encryptPush({ ...browser, auth: Buffer.alloc(17) }, payload)).to.throw(RangeError);
  });
});
