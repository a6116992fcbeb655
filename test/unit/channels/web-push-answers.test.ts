import { expect } from 'chai';
import fc from 'fast-check';
import { classifyFailure } from '../../../channels/http/classify-failure.ts';
import { parseRetryAfter } from '../../../channels/http/retry-after.ts';
import { classifyAnswer } from '../../../channels/web-push/classify.ts';

const DAY = 86_400_000;
const now = Date.UTC(2026, 2, 1, 12, 0, 0);

describe('the Retry-After header', () => {
  it('is read as seconds', () => {
    expect(parseRetryAfter('0', now)).to.equal(0);
    expect(parseRetryAfter(' 120 ', now)).to.equal(120_000);
  });

  it('is read as each of the three forms of an HTTP-date', () => {
    expect(parseRetryAfter('Sun, 01 Mar 2026 12:01:30 GMT', now)).to.equal(90_000);
    expect(parseRetryAfter('Sunday, 01-Mar-26 12:01:30 GMT', now)).to.equal(90_000);
    expect(parseRetryAfter('Sun Mar  1 12:01:30 2026', now)).to.equal(90_000);
  });

  it('never exceeds a day and is never negative', () => {
    expect(parseRetryAfter('99999999999999999999', now)).to.equal(DAY);
    expect(parseRetryAfter('Mon, 01 Mar 2027 12:00:00 GMT', now)).to.equal(DAY);
    expect(parseRetryAfter('Sat, 28 Feb 2026 12:00:00 GMT', now)).to.equal(0);
    expect(parseRetryAfter('Monday, 01-Mar-99 12:00:00 GMT', now)).to.equal(0);
  });

  for (const garbage of [
    undefined,
    '',
    'soon',
    '-5',
    '1.5',
    '5s',
    '2026-03-01T12:01:30Z',
    'Sun, 31 Feb 2026 12:00:00 GMT',
  ]) {
    it(`is ignored when it is ${JSON.stringify(garbage)}`, () => {
      expect(parseRetryAfter(garbage, now)).to.equal(undefined);
    });
  }

  it('as a date and as seconds means the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: -DAY / 1000, max: (2 * DAY) / 1000 }), (seconds) => {
        const date = new Date(now + seconds * 1000).toUTCString();
        const expected = Math.min(DAY, Math.max(0, seconds * 1000));
        expect(parseRetryAfter(date, now)).to.equal(expected);
        if (seconds >= 0) expect(parseRetryAfter(String(seconds), now)).to.equal(expected);
      }),
    );
  });

  it('is undefined or within a day, whatever is written', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseRetryAfter(text, now);
        expect(ms === undefined || (ms >= 0 && ms <= DAY)).to.equal(true);
      }),
    );
  });
});

describe('an answer of a push service', () => {
  const cases: [number, string][] = [
    [200, 'delivered'],
    [201, 'delivered'],
    [202, 'delivered'],
    [204, 'delivered'],
    [404, 'gone'],
    [410, 'gone'],
    [429, 'throttled'],
    [500, 'throttled'],
    [502, 'throttled'],
    [503, 'throttled'],
    [599, 'throttled'],
    [400, 'rejected badRequest'],
    [401, 'rejected unauthorized'],
    [403, 'rejected unauthorized'],
    [413, 'rejected payloadTooLarge'],
    [301, 'rejected http301'],
    [307, 'rejected http307'],
    [405, 'rejected http405'],
    [206, 'rejected http206'],
  ];
  for (const [status, expected] of cases) {
    it(`of ${status} means ${expected}`, () => {
      const outcome = classifyAnswer(status, undefined, now);
      expect(outcome.kind === 'rejected' ? `rejected ${outcome.reason}` : outcome.kind).to.equal(expected);
      expect(outcome).to.have.property('status', status);
      expect(outcome).to.not.have.property('retryAfterMs');
    });
  }

  it('that throttles carries what it asks for', () => {
    const expected = { kind: 'throttled', status: 429, retryAfterMs: 7_000 };
    expect(classifyAnswer(429, '7', now)).to.deep.equal(expected);
  });
});

describe('a failure to reach a push service', () => {
  const coded = (code: string) => Object.assign(new Error(code), { code });
  for (const [error, reason] of [
    [coded('ECONNREFUSED'), 'connectionRefused'],
    [coded('ENOTFOUND'), 'dns'],
    [coded('EAI_AGAIN'), 'dns'],
    [coded('CERT_HAS_EXPIRED'), 'tls'],
    [coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls'],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls'],
    [coded('ECONNRESET'), 'connectionReset'],
    [coded('ERR_HTTP2_STREAM_ERROR'), 'connectionReset'],
    [coded('UND_ERR_CONNECT_TIMEOUT'), 'timeout'],
    [coded('EHOSTUNREACH'), 'network'],
    [new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), 'connectionRefused'],
    [new Error('fetch failed', { cause: coded('ENOTFOUND') }), 'dns'],
    ['no error at all', 'network'],
  ] as const) {
    it(`of ${String(error)} is called ${reason}`, () => expect(classifyFailure(error)).to.equal(reason));
  }
});
