import { expect } from 'chai';
import { setSettings } from '../support/settings.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import type { Answer } from '../support/api-client.ts';

describe('the preview of a schedule', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
  });
  after(() => stack?.close());

  const preview = (body: unknown): Promise<Answer> => stack.client.post('/v1/schedules/preview', body);
  const faultsOf = async (body: unknown): Promise<string[]> => {
    const answer = await preview(body);
    expect(answer.status).to.equal(422);
    expect(answer.body.code).to.equal('validation_failed');
    return (answer.body.errors as { pointer: string; detail: string }[]).map(
      ({ pointer, detail }) => `${pointer}: ${detail}`,
    );
  };

  it('shows the next instants over a change of the clock', async () => {
    const when = {
      start: '2097-03-30T00:00:00Z',
      schedule: { every: { frequency: 'daily', at: ['02:30'] } },
      timezone: 'Europe/Berlin',
    };
    const answer = await preview({ when, count: 3 });
    expect(answer.status).to.equal(200);
    // The last Sunday of March 2097 is the 31st.
    expect(answer.body).to.deep.equal({
      timezones: [
        {
          timezone: 'Europe/Berlin',
          instants: [
            { local: '2097-03-30T02:30', at: '2097-03-30T01:30:00.000Z', offset: '+01:00' },
            {
              local: '2097-03-31T02:30',
              at: '2097-03-31T01:00:00.000Z',
              offset: '+02:00',
              note: 'skippedByClock',
            },
            { local: '2097-04-01T02:30', at: '2097-04-01T00:30:00.000Z', offset: '+02:00' },
          ],
        },
      ],
    });
  });

  it("shows the account's time zone and some around the planet, or those that are asked for", async () => {
    await setSettings(stack, { timezone: 'Asia/Kathmandu' });
    const when = { schedule: { at: ['2090-01-01T09:00'] }, timezone: 'profile', cutOff: '12:00' };
    const zones = (answer: Answer): string[] =>
      (answer.body.timezones as { timezone: string }[]).map(({ timezone }) => timezone);
    const some = zones(await preview({ when }));
    expect(some[0]).to.equal('Asia/Kathmandu');
    expect(some).to.have.length.at.least(5);
    const asked = await preview({ when, timezones: ['Pacific/Auckland', 'America/St_Johns'] });
    expect(zones(asked)).to.deep.equal(['Pacific/Auckland', 'America/St_Johns']);
    expect(asked.body.timezones[1].instants).to.deep.equal([
      {
        local: '2090-01-01T09:00',
        at: '2090-01-01T12:30:00.000Z',
        offset: '-03:30',
        cutOff: '2090-01-01T15:30:00.000Z',
      },
    ]);
    const own = await preview({ when: { schedule: { at: ['2090-01-01T09:00'] } } });
    expect(own.body.timezones).to.deep.equal([
      {
        timezone: 'Asia/Kathmandu',
        instants: [{ local: '2090-01-01T09:00', at: '2090-01-01T03:15:00.000Z', offset: '+05:45' }],
      },
    ]);
  });

  it('refuses what could not be published, every fault at its place below when', async () => {
    const when = { end: '2020-01-01T00:00:00Z', schedule: { at: ['2020-01-01T09:00', '2090-02-30T09:00'] } };
    expect(await faultsOf({ when })).to.deep.equal([
      '/when/schedule/at/1: must be a local time of the calendar such as 2027-12-01T09:00',
      '/when/end: lies in the past',
    ]);
    expect(await faultsOf({ when: { schedule: { at: ['2020-01-01T09:00'] }, delay: '1h' } })).to.deep.equal([
      '/when/delay: is for live campaigns',
      '/when/schedule/at/0: lies in the past',
    ]);
    const never = { schedule: { rrule: 'FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31', at: ['09:00'] } };
    expect(await faultsOf({ when: never })).to.deep.equal(['/when/schedule/rrule: never occurs']);
  });

  it('refuses what is no preview at all', async () => {
    const when = { schedule: { at: ['2090-01-01T09:00'] }, timezone: 'Mars/Olympus' };
    const body = { when, count: 101, timezones: ['CEST'], for: 'me' };
    expect((await faultsOf(body)).map((fault) => fault.split(':')[0]).sort()).to.deep.equal([
      '/count',
      '/for',
      '/timezones/0',
      '/when/timezone',
    ]);
    expect((await faultsOf({})).length).to.equal(1);
  });

  it('needs a key', async () => {
    const answer = await stack.client.raw('POST', '/v1/schedules/preview', '{}', { authorization: '' });
    expect(answer.status).to.equal(401);
  });

  it('is refused as well when a campaign is written, with what needs no clock, and when it is published, with the rest', async () => {
    const site = (await stack.client.must('/v1/sites', {
      name: 'Shop',
      origins: ['https://shop.example'],
    })) as { id: string };
    const campaign = {
      name: 'News',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { all: [] } },
      what: { title: 'News' },
    };
    const pointers = (answer: Answer): string[] =>
      (answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
    const bad = { ...campaign, when: { schedule: { rrule: 'FREQ=HOURLY', at: ['09:00'] }, ifPast: 'drop' } };
    const written = await stack.client.post('/v1/campaigns', bad);
    expect(written.status).to.equal(422);
    expect(pointers(written)).to.deep.equal(['/when/ifPast', '/when/schedule/rrule']);
    const late = { ...campaign, when: { schedule: { at: ['2020-01-01T09:00'] } } };
    const draft = (await stack.client.must('/v1/campaigns', late)) as { id: string };
    const published = await stack.client.post(`/v1/campaigns/${draft.id}/publish`);
    expect(published.body.code).to.equal('not_publishable');
    expect(pointers(published)).to.deep.equal(['/when/schedule/at/0']);
  });
});
