import { expect } from 'chai';
import fc from 'fast-check';
import { addresseesOf, dueOfCall, missingData } from '../../../domain/delivery/api-send.ts';

const known = {
  byIdentity: new Map([
    ['a', 'p1'],
    ['b', 'p2'],
  ]),
  existing: new Set(['p1', 'p3']),
};

describe('whom a call names', () => {
  it("has the call's data, and its own over it", () => {
    const call = {
      recipients: [
        { identity: 'a', data: { x: 1 } },
        { objectId: 'p3' },
        { identity: 'b', data: { y: null } },
      ],
      data: { x: 0, y: 0 },
    };
    expect(addresseesOf(call, {}, known)).to.deep.equal({
      addressees: [
        { profileId: 'p1', data: { x: 1, y: 0 } },
        { profileId: 'p3', data: { x: 0, y: 0 } },
        { profileId: 'p2', data: { x: 0, y: null } },
      ],
      faults: [],
    });
  });

  it('is the same profile, whether by identity or by objectId', () => {
    const { faults } = addresseesOf({ recipients: [{ identity: 'a' }, { objectId: 'p1' }] }, {}, known);
    expect(faults).to.deep.equal([
      { path: ['recipients', 1], detail: 'is the same profile as /recipients/0' },
    ]);
  });

  it('needs what is required, and nothing inherited stands for it', () => {
    expect(
      missingData({ a: 0, b: false, c: '', d: null }, { requiredData: ['a', 'b', 'c', 'd', 'e', 'e'] }),
    ).to.deep.equal(['d', 'e']);
    expect(missingData({}, { requiredData: ['toString', 'constructor'] })).to.have.length(2);
    expect(missingData({}, {})).to.deep.equal([]);
  });

  it('is each told of all that is wrong with it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ identity: fc.constantFrom('a', 'b', 'c', 'd') }), { maxLength: 8 }),
        (recipients) => {
          const { addressees, faults } = addresseesOf({ recipients }, {}, known);
          const seen = new Set<string>();
          const wrong = recipients.filter(({ identity }) => {
            const bad = !known.byIdentity.has(identity) || seen.has(identity);
            seen.add(identity);
            return bad;
          });
          expect(faults).to.have.length(wrong.length);
          if (faults.length === 0) expect(addressees).to.have.length(recipients.length);
        },
      ),
    );
  });

  it('gets it at once, or after the delay', () => {
    expect(dueOfCall({}, 1_000).getTime()).to.equal(1_000);
    expect(dueOfCall({ delay: '30m' }, 1_000).getTime()).to.equal(1_801_000);
  });
});
