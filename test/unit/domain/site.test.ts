import { expect } from 'chai';
import { isConfigured, vapidKeysFor } from '../../../domain/site.ts';

const pair = (name: string) => ({ publicKey: `${name}-public`, privateKey: `${name}-private` });
const retired = (name: string) => ({ ...pair(name), retiredAt: new Date(0) });

describe('the key pair that signs a push', () => {
  it('is the one that the subscription was made under', () => {
    const site = {
      vapid: pair('c'),
      earlierVapid: [retired('b'), retired('a')],
      firstVapidPublicKey: 'a-public',
    };
    for (const name of ['a', 'b', 'c']) {
      expect(vapidKeysFor(site, { vapidPublicKey: `${name}-public` })).to.deep.equal(pair(name));
    }
  });

  it("is the site's first where the subscription does not say, also after that one became current again", () => {
    expect(vapidKeysFor({ vapid: pair('a') }, {})).to.deep.equal(pair('a'));
    const once = { vapid: pair('b'), earlierVapid: [retired('a')], firstVapidPublicKey: 'a-public' };
    expect(vapidKeysFor(once, {})).to.deep.equal(pair('a'));
    const back = { vapid: pair('a'), earlierVapid: [retired('b')], firstVapidPublicKey: 'a-public' };
    expect(vapidKeysFor(back, {})).to.deep.equal(pair('a'));
  });

  it('is none for a key that the site never had', () => {
    expect(vapidKeysFor({ vapid: pair('a') }, { vapidPublicKey: 'x-public' })).to.equal(null);
  });
});

describe('a site', () => {
  it('can always send by VAPID, and by the others once it has their settings', () => {
    expect(isConfigured({}, 'vapid')).to.equal(true);
    expect(isConfigured({}, 'fcmLegacy')).to.equal(false);
    expect(isConfigured({}, 'apns')).to.equal(false);
    expect(isConfigured({ fcmLegacy: { senderId: '1', serverKey: 'k' } }, 'fcmLegacy')).to.equal(true);
  });
});
