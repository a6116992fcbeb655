import { expect } from 'chai';
import { campaignInput } from '../../../api/campaigns/schemas.ts';
import { faultsOf as schemaFaultsOf } from '../../support/faults-of.ts';

const good = { name: 'Hello', siteId: '6745c0e1a1b2c3d4e5f60718', who: { past: { all: [] } } };

const faultsOf = (value: unknown): string[] => schemaFaultsOf(campaignInput, value);

describe('the schema of a campaign', () => {
  const CHANNEL = '/channel: must be webPush or webhook';

  for (const channel of ['sms', undefined, 7]) {
    it(`tells all else that is wrong beside the channel ${String(channel)}`, () => {
      const body = {
        ...(channel === undefined ? {} : { channel }),
        name: '',
        labels: Array(21).fill('a'),
        siteId: 'x',
        who: { live: { event: '', inaction: { event: 'b', within: '0d' } } },
        when: { delay: 'soon', throughput: { perMinute: 0 } },
        setup: { controlGroup: { percent: 0 } },
        stray: 1,
      };
      expect(faultsOf(body)).to.have.members([
        CHANNEL,
        '/name: must not be empty',
        '/labels: must have at most 20 entries',
        '/siteId: must be an id of 24 hexadecimal digits',
        '/who/live/event: must not be empty',
        '/who/live/inaction/within: must be a duration from 1s to 3650d, which is ten years',
        '/when/delay: must be a duration such as 30s, 10m, 2h or 3d',
        '/when/throughput/perMinute: must be a whole number from 1 to 1000000',
        '/setup/controlGroup/percent: must be more than 0 and at most 100',
        '/what: is required',
        '/stray: unknown field',
      ]);
    });
  }

  it('tells nothing beside an unknown channel that depends on the channel', () => {
    for (const what of [{ title: 'x' }, { webhookId: 'x' }, {}, { nope: 1 }])
      expect(faultsOf({ ...good, channel: 'sms', what })).to.deep.equal([CHANNEL]);
    const { siteId: _site, ...anywhere } = good;
    expect(faultsOf({ ...anywhere, channel: 'sms', what: {} })).to.deep.equal([CHANNEL]);
  });

  it('tells each fault of a known channel once', () => {
    expect(faultsOf({ ...good, channel: 'webPush', what: { title: 'x' } })).to.deep.equal([]);
    expect(faultsOf({ ...good, name: '', channel: 'webPush', what: {} })).to.have.members([
      '/name: must not be empty',
      '/what/title: is required',
    ]);
    for (const body of [null, [], 'x']) expect(faultsOf(body)).to.deep.equal([': must be an object']);
  });
});
