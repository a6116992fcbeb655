import { createCipheriv, createECDH, createHmac, randomFillSync } from 'node:crypto';

/** A subscription's public key: an uncompressed P-256 point. */
const POINT_BYTES = 65;
const AUTH_BYTES = 16;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
/** Of an aes128gcm header (RFC 8188 section 2.1): salt, record size, length of the key id, key id. */
const HEADER_BYTES = SALT_BYTES + 4 + 1 + POINT_BYTES;
/** A push service need not take more than this (RFC 8030 section 7.2), which makes it the size of the one record. */
const RECORD_SIZE = 4_096;
/** RFC 8291 section 4: 4,096 bytes less header, padding delimiter and tag. */
export const MAX_PAYLOAD_BYTES = RECORD_SIZE - HEADER_BYTES - 1 - TAG_BYTES;
/** What ends the plaintext of the last record. */
const LAST_RECORD = Buffer.of(2);

/** The info of each step of the key derivation, ending with the counter of HKDF's only block (RFC 5869). */
const IKM_INFO = Buffer.from('WebPush: info\0');
const FIRST_BLOCK = Buffer.of(1);
const KEY_INFO = Buffer.from('Content-Encoding: aes128gcm\0\u0001');
const NONCE_INFO = Buffer.from('Content-Encoding: nonce\0\u0001');

/** What is random about a message, and never used for another one. */
export interface Ephemeral {
  /** A P-256 private key of 32 bytes. */
  privateKey: Buffer;
  salt: Buffer;
}

/** The keys of a subscription, decoded. */
export interface ReceiverKeys {
  p256dh: Buffer;
  auth: Buffer;
}

// An object is made once, its keys anew for each message: `generateKeys` throws the old ones away.
const curve = createECDH('prime256v1');

/**
 * Encrypts a message for a browser (RFC 8291), as the one record of an aes128gcm body (RFC 8188), with a key pair and
 * a salt of its own.
 *
 * @param ephemeral only to repeat an example of a standard
 * @throws when the payload is too long or the key is not a point of P-256
 */
export function encryptPush(receiver: ReceiverKeys, payload: Buffer, ephemeral?: Ephemeral): Buffer {
  if (receiver.auth.length !== AUTH_BYTES) throw new RangeError('auth is not 16 bytes');
  if (receiver.p256dh.length !== POINT_BYTES) throw new RangeError('p256dh is not 65 bytes');
  if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError('the payload is too long for one record');
  const body = Buffer.allocUnsafe(HEADER_BYTES + payload.length + 1 + TAG_BYTES);
  const salt = body.subarray(0, SALT_BYTES);
  let senderKey: Buffer;
  if (ephemeral) {
    curve.setPrivateKey(ephemeral.privateKey);
    senderKey = curve.getPublicKey();
    ephemeral.salt.copy(salt);
  } else {
    senderKey = curve.generateKeys();
    randomFillSync(salt);
  }
  body.writeUInt32BE(RECORD_SIZE, SALT_BYTES);
  body[SALT_BYTES + 4] = POINT_BYTES;
  senderKey.copy(body, SALT_BYTES + 5);

  // RFC 8291 section 3.4: each of the outputs of HKDF fits into its first block.
  const shared = hmac(receiver.auth, curve.computeSecret(receiver.p256dh));
  const keyingMaterial = hmac(shared, IKM_INFO, receiver.p256dh, senderKey, FIRST_BLOCK);
  const pseudorandom = hmac(salt, keyingMaterial);
  const key = hmac(pseudorandom, KEY_INFO).subarray(0, 16);
  const nonce = hmac(pseudorandom, NONCE_INFO).subarray(0, 12);

  // The first record's sequence number is 0: its nonce is the derived one.
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  let end = HEADER_BYTES;
  end += cipher.update(payload).copy(body, end);
  end += cipher.update(LAST_RECORD).copy(body, end);
  cipher.final();
  cipher.getAuthTag().copy(body, end);
  return body;
}

function hmac(key: Buffer, ...parts: Buffer[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
