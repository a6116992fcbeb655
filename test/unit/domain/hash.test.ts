import { expect } from 'chai';
import fc from 'fast-check';
import { fractionOf, hash32, laneOf } from '../../../domain/hash.ts';

/** The statistic whose value, for an even spread, is about the number of bins. */
function chiSquare(bins: number[], total: number): number {
  const expected = total / bins.length;
  return bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function counted(total: number, bins: number, binOf: (index: number) => number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (let index = 0; index < total; index += 1) {
    const bin = binOf(index);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

describe('hashes', () => {
  const vectors: [string, number][] = [
    ['', 0],
    ['test', 0xba6bd213],
    ['Hello, world!', 0xc0363e43],
    ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
  ];
  for (const [text, expected] of vectors) {
    it(`are those of MurmurHash3 for ${JSON.stringify(text)}`, () => expect(hash32(text)).to.equal(expected));
  }

  it('are those of a plain MurmurHash3 over the UTF-8 bytes of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(hash32(text)).to.equal(plainMurmur3(new TextEncoder().encode(text)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('take a lone surrogate for U+FFFD, as UTF-8 does', () => {
    for (const text of ['\ud83d', 'a\udc00b', '\udc00\ud83d', '\ud83dx', '\ud83d\ud83d\ude00']) {
      expect(hash32(text)).to.equal(plainMurmur3(new TextEncoder().encode(text)));
    }
  });

  // With 64 bins a chi-square above 120 has a chance of about 1 in 60,000; the texts are fixed.
  const keys: [string, (index: number) => string][] = [
    ['counting numbers', (index) => String(index)],
    ['object ids of one second', (index) => `66f0a1b2c3d4e5f601${index.toString(16).padStart(6, '0')}`],
    ['addresses', (index) => `customer.${index}@shop.example`],
  ];
  for (const [what, key] of keys) {
    it(`spread ${what} evenly over 64 lanes and over 64 fractions`, () => {
      const lanes = counted(64_000, 64, (index) => laneOf(key(index)));
      const fractions = counted(64_000, 64, (index) => Math.floor(fractionOf(key(index)) * 64));
      expect(chiSquare(lanes, 64_000)).to.be.below(120);
      expect(chiSquare(fractions, 64_000)).to.be.below(120);
    });
  }

  it('pick unrelated people for two campaigns', () => {
    const both = counted(100_000, 2, (index) =>
      fractionOf(`a:${index}`) < 0.1 && fractionOf(`b:${index}`) < 0.1 ? 1 : 0,
    );
    expect(both[1]).to.be.within(880, 1_120);
  });

  it('stay within the lanes and within [0, 1)', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1_000 }), (text, lanes) => {
        expect(laneOf(text, lanes)).to.be.within(0, lanes - 1);
        expect(fractionOf(text)).to.be.at.least(0).and.below(1);
      }),
    );
  });
});

/** Written after the algorithm's description, for bytes. */
function plainMurmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  const mixed = (value: number): number => Math.imul(rotated(Math.imul(value, 0xcc9e2d51), 15), 0x1b873593);
  const whole = bytes.length - (bytes.length % 4);
  let hash = 0;
  for (let index = 0; index < whole; index += 4) {
    hash = (Math.imul(rotated(hash ^ mixed(view.getInt32(index, true)), 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let index = bytes.length - 1; index >= whole; index -= 1) tail = (tail << 8) | (bytes[index] ?? 0);
  hash ^= mixed(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
