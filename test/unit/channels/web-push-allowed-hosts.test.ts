import { expect } from 'chai';
import { InvalidPushHostError, createHostAllowList } from '../../../channels/web-push/allowed-hosts.ts';

describe('the allow list of push hosts', () => {
  const known = createHostAllowList();

  for (const url of [
    'https://fcm.googleapis.com/fcm/send/abc:def',
    'https://jmt17.google.com/fcm/send/abc',
    'https://updates.push.services.mozilla.com/wpush/v2/abc',
    'https://wns2-par02p.notify.windows.com/w/?token=abc',
    'https://web.push.apple.com/abc',
    'https://fcm.googleapis.com:443/fcm/send/abc',
  ]) {
    it(`allows ${url}`, () => expect(known.reason(url)).to.equal(null));
  }

  for (const [url, reason] of [
    ['http://fcm.googleapis.com/fcm/send/abc', 'notHttps'],
    ['https://user@fcm.googleapis.com/x', 'userinfo'],
    ['https://:secret@fcm.googleapis.com/x', 'userinfo'],
    ['https://fcm.googleapis.com:8443/x', 'hostNotListed'],
    ['https://fcm.googleapis.com.evil.example/x', 'hostNotListed'],
    ['https://evilpush.apple.com.example/x', 'hostNotListed'],
    ['https://evilpush.apple.com/x', 'hostNotListed'],
    ['https://push.apple.com/x', 'hostNotListed'],
    ['https://evil.example/fcm.googleapis.com', 'hostNotListed'],
    ['https://127.0.0.1/x', 'hostNotListed'],
    ['https://0x7f.1/x', 'hostNotListed'],
    ['https://[::1]/x', 'hostNotListed'],
    ['https://169.254.169.254/latest', 'hostNotListed'],
    ['not a url', 'notAUrl'],
    ['', 'notAUrl'],
  ] as const) {
    it(`refuses ${JSON.stringify(url)} as ${reason}`, () => {
      expect(known.reason(url)).to.equal(reason);
      expect(known.isAllowed(url)).to.equal(false);
    });
  }

  it('takes an extra host on its own port only', () => {
    const list = createHostAllowList(['Push.Shop.example', 'localhost:8443']);
    expect(list.isAllowed('https://push.shop.example/x')).to.equal(true);
    expect(list.isAllowed('https://push.shop.example:8443/x')).to.equal(false);
    expect(list.isAllowed('https://a.push.shop.example/x')).to.equal(false);
    expect(list.isAllowed('https://localhost:8443/x')).to.equal(true);
    expect(list.isAllowed('https://localhost/x')).to.equal(false);
  });

  it('takes a wildcard for every name below a host, and not for the host', () => {
    const list = createHostAllowList(['*.push.example', '*.other.example:8443']);
    expect(list.isAllowed('https://a.push.example/x')).to.equal(true);
    expect(list.isAllowed('https://a.b.push.example/x')).to.equal(true);
    expect(list.isAllowed('https://push.example/x')).to.equal(false);
    expect(list.isAllowed('https://a.other.example:8443/x')).to.equal(true);
    expect(list.isAllowed('https://a.other.example/x')).to.equal(false);
  });

  it('takes an IP address only where it is listed itself', () => {
    const list = createHostAllowList(['127.0.0.1:9000', '[::1]:9000']);
    expect(list.isAllowed('https://127.0.0.1:9000/x')).to.equal(true);
    expect(list.isAllowed('https://127.1:9000/x')).to.equal(true);
    expect(list.isAllowed('https://[::1]:9000/x')).to.equal(true);
    expect(list.isAllowed('https://127.0.0.2:9000/x')).to.equal(false);
  });

  for (const entry of [
    '',
    '*',
    '*.',
    'https://a.example',
    'a.example/x',
    'u@a.example',
    'a b',
    '*.127.0.0.1',
    '1',
    'a.example:99999',
  ]) {
    it(`refuses to start with the entry ${JSON.stringify(entry)}`, () => {
      expect(() => createHostAllowList([entry])).to.throw(InvalidPushHostError);
    });
  }
});
