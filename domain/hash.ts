/**
 * MurmurHash3 (x86, 32 bits, seed 0) over the text's UTF-8 bytes: fast and evenly spread, the same on every
 * machine and for ever, and no secret. A lone surrogate counts as U+FFFD.
 *
 * @returns a whole number from 0 to 2^32 - 1.
 */
export function hash32(text: string): number {
  let hash = 0;
  let block = 0;
  let length = 0;

  const take = (byte: number): void => {
    block |= byte << ((length & 3) * 8);
    length += 1;
    if ((length & 3) !== 0) return;
    hash ^= scrambled(block);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    block = 0;
  };

  for (let index = 0; index < text.length; index += 1) {
    let code = text.charCodeAt(index);
    if (code < 0x80) {
      take(code);
      continue;
    }
    if ((code & 0xf800) === 0xd800) {
      const point = text.codePointAt(index) ?? code;
      if (point > 0xffff) index += 1;
      code = point > 0xffff ? point : 0xfffd;
    }
    if (code < 0x800) {
      take(0xc0 | (code >> 6));
    } else {
      if (code < 0x10000) {
        take(0xe0 | (code >> 12));
      } else {
        take(0xf0 | (code >> 18));
        take(0x80 | ((code >> 12) & 0x3f));
      }
      take(0x80 | ((code >> 6) & 0x3f));
    }
    take(0x80 | (code & 0x3f));
  }

  hash ^= scrambled(block) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The lane, from 0 to `lanes - 1`, in which a profile's events are taken in order. */
export function laneOf(profileId: string, lanes = 64): number {
  return hash32(profileId) % lanes;
}

/**
 * A number in [0, 1) that is always the same for the same text: `fractionOf(...) < 0.1` picks a stable tenth.
 * Put what the share is for into the text (`<campaign>:<profile>`), or every share picks the same people.
 */
export function fractionOf(text: string): number {
  return hash32(text) / 2 ** 32;
}

function scrambled(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
