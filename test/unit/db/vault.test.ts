import { expect } from 'chai';
import fc from 'fast-check';
import { createVault } from '../../../db/vault.ts';
import { VaultLockedError } from '../../../domain/vault-errors.ts';

const vault = createVault(Buffer.alloc(32, 7));

describe('the vault', () => {
  it('opens what it sealed, at the place it was sealed for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
        expect(vault.open(vault.seal(text, place), place)).to.equal(text);
      }),
    );
  });

  it('seals the same text differently each time, and shows nothing of it', () => {
    const sealed = Array.from({ length: 200 }, () => vault.seal('Bearer abcdef', 'a'));
    expect(new Set(sealed)).to.have.lengthOf(200);
    for (const one of sealed) {
      expect(one).to.match(/^v1\.[\w-]+$/);
      expect(Buffer.from(one.slice(3), 'base64url').toString('latin1')).not.to.include('Bearer');
    }
  });

  it('does not open at another place, with another key, or when a single bit is changed', () => {
    const sealed = vault.seal('a secret', 'webhook/1/signing');
    expect(() => vault.open(sealed, 'webhook/2/signing')).to.throw(VaultLockedError);
    expect(() => createVault(Buffer.alloc(32, 8)).open(sealed, 'webhook/1/signing')).to.throw(
      VaultLockedError,
    );
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const text = `v1.${changed.toString('base64url')}`;
      expect(() => vault.open(text, 'webhook/1/signing'), `bit ${bit}`).to.throw(VaultLockedError);
    }
  });

  it('does not open what is cut short, of another version, or never was sealed', () => {
    const sealed = vault.seal('a secret', 'a');
    const wrong = ['', 'v1.', 'a secret', `v2.${sealed.slice(3)}`, sealed.slice(0, 20), sealed.slice(0, -4)];
    for (const one of wrong) expect(() => vault.open(one, 'a'), one).to.throw(VaultLockedError);
  });

  it('neither seals nor opens without a key, and says which setting is missing', () => {
    const locked = createVault(null);
    expect(locked.unlocked).to.equal(false);
    expect(() => locked.seal('a', 'b')).to.throw(VaultLockedError, 'BECKON_SECRET_KEY');
    expect(() => locked.open(vault.seal('a', 'b'), 'b')).to.throw(VaultLockedError, 'BECKON_SECRET_KEY');
  });

  it('takes no key of another length', () => {
    for (const bytes of [0, 16, 31, 33]) expect(() => createVault(Buffer.alloc(bytes))).to.throw(RangeError);
  });
});
