import { createDecipheriv, createECDH, hkdfSync } from 'node:crypto';

const TAG_LENGTH = 16;

/** Thrown when a body is not what its content coding says; `message` names the rule it breaks. */
export class UndecryptableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UndecryptableError';
  }
}

/** The keys of one browser's subscription, raw: a P-256 private scalar, its public point, 16 bytes. */
export interface BrowserKeys {
  privateKey: Buffer;
  publicKey: Buffer;
  auth: Buffer;
}

interface Aes128GcmBody {
  salt: Buffer;
  recordSize: number;
  keyId: Buffer;
  records: Buffer;
}

/** Takes apart the header of an aes128gcm body (RFC 8188 section 2.1). */
export function parseAes128Gcm(body: Buffer): Aes128GcmBody {
  const keyIdLength = body[20];
  if (keyIdLength === undefined || body.length < 21 + keyIdLength)
    throw new UndecryptableError('header cut off');
  const recordSize = body.readUInt32BE(16);
  if (recordSize < 18) throw new UndecryptableError('record size below 18');
  return {
    salt: body.subarray(0, 16),
    recordSize,
    keyId: body.subarray(21, 21 + keyIdLength),
    records: body.subarray(21 + keyIdLength),
  };
}

/** Decrypts an aes128gcm body with its input keying material (RFC 8188 section 2). */
export function decryptAes128Gcm(body: Buffer, keyingMaterial: Buffer): Buffer {
  const { salt, recordSize, records } = parseAes128Gcm(body);
  const key = derive(keyingMaterial, salt, 'Content-Encoding: aes128gcm\0', 16);
  const nonce = derive(keyingMaterial, salt, 'Content-Encoding: nonce\0', 12);
  const parts: Buffer[] = [];
  for (let sequence = 0, start = 0; start === 0 || start < records.length; sequence++, start += recordSize) {
    const record = records.subarray(start, start + recordSize);
    const isLast = start + recordSize >= records.length;
    parts.push(unpad(decryptRecord(record, key, nonceOf(nonce, sequence)), isLast));
  }
  return Buffer.concat(parts);
}

/** Decrypts a pushed message with the keys of the browser it is for (RFC 8291 sections 3 and 4). */
export function decryptPush(body: Buffer, browser: BrowserKeys): Buffer {
  const { keyId: senderKey, recordSize, records } = parseAes128Gcm(body);
  if (senderKey.length !== 65) throw new UndecryptableError('the key id is not a P-256 point');
  if (records.length > recordSize) throw new UndecryptableError('more than one record');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(browser.privateKey);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), browser.publicKey, senderKey]);
  const keyingMaterial = derive(sharedSecret(curve, senderKey), browser.auth, info, 32);
  return decryptAes128Gcm(body, keyingMaterial);
}

function sharedSecret(curve: ReturnType<typeof createECDH>, senderKey: Buffer): Buffer {
  try {
    return curve.computeSecret(senderKey);
  } catch {
    throw new UndecryptableError('the key id is not a P-256 point');
  }
}

function derive(material: Buffer, salt: Buffer, info: string | Buffer, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', material, salt, info, length));
}

function nonceOf(base: Buffer, sequence: number): Buffer {
  const nonce = Buffer.from(base);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8);
  return nonce;
}

function decryptRecord(record: Buffer, key: Buffer, nonce: Buffer): Buffer {
  if (record.length <= TAG_LENGTH) throw new UndecryptableError('record cut off');
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(record.subarray(-TAG_LENGTH));
  try {
    return Buffer.concat([decipher.update(record.subarray(0, -TAG_LENGTH)), decipher.final()]);
  } catch {
    throw new UndecryptableError('the tag does not match');
  }
}

/** Padding is a delimiter, 2 in the last record and 1 before it, and then zeros. */
function unpad(padded: Buffer, isLast: boolean): Buffer {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  if (end < 0 || padded[end] !== (isLast ? 2 : 1)) throw new UndecryptableError('wrong padding delimiter');
  return padded.subarray(0, end);
}
