import { expect } from 'chai';
import type { Request } from 'express';
import type { Problem } from '../../../api/http/problem.ts';
import { createThrottle, remoteNetwork } from '../../../api/http/throttle.ts';

describe('a throttle', () => {
  const refusal = (work: () => void): Problem | null => {
    try {
      work();
      return null;
    } catch (error) {
      return error as Problem;
    }
  };

  it('lets so many through at once, then so many a minute, and says when to come again', () => {
    let now = 0;
    const take = createThrottle({ burst: 3, perMinute: 6 }, () => now);
    for (let i = 0; i < 3; i += 1) take('a');
    const refused = refusal(() => take('a'));
    expect(refused?.code).to.equal('too_many_requests');
    expect(refused?.headers).to.deep.equal({ 'Retry-After': '10' });
    take('b');
    now = 9_999;
    expect(refusal(() => take('a'))?.headers).to.deep.equal({ 'Retry-After': '1' });
    now = 10_000;
    take('a');
    expect(refusal(() => take('a'))).to.not.equal(null);
    now = 10_000_000;
    for (let i = 0; i < 3; i += 1) take('a');
    expect(
      refusal(() => take('a')),
      'nothing is saved up beyond the burst',
    ).to.not.equal(null);
  });

  const cases: [string, string | string[] | undefined, string | null][] = [
    ['203.0.113.7', undefined, '203.0.113.7'],
    ['203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['::ffff:127.0.0.1', '6.6.6.6, 198.51.100.1', '198.51.100.1'],
    ['172.18.0.1', ['6.6.6.6', '198.51.100.1'], '198.51.100.1'],
    ['::1', undefined, null],
    ['10.0.0.1', 'unknown', null],
    ['2001:db8:0:1:aaaa::1', undefined, '2001:db8:0:1::/64'],
    ['2001:0db8::1', undefined, '2001:db8:0:0::/64'],
    ['fd00::1', '2001:DB8::2', '2001:db8:0:0::/64'],
    ['127.0.0.1', '[2001:db8::2]:443', '2001:db8:0:0::/64'],
  ];
  for (const [peer, forwarded, network] of cases) {
    it(`takes ${peer} that forwards for ${String(forwarded)} as ${network ?? 'nobody'}`, () => {
      const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
      const request = { headers, socket: { remoteAddress: peer } } as unknown as Request;
      expect(remoteNetwork(request)).to.equal(network);
    });
  }
});
