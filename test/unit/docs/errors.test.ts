import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { PROBLEMS } from '../../../api/http/problem.ts';
import type { SuppressionReason } from '../../../domain/delivery/message.ts';
import type { RejectionReason, UnreachableReason } from '../../../domain/delivery/outcome.ts';

// The type check fails here as soon as a reason is added or taken away.
const suppressions = {
  dnd: true,
  cutOff: true,
  localTimePast: true,
  globalLimit: true,
  frequencyCap: true,
  targetingCap: true,
  unreachable: true,
  noLongerQualifies: true,
  inactionMet: true,
  cancelled: true,
  renderError: true,
  expired: true,
  paused: true,
  ended: true,
  stopped: true,
} satisfies Record<SuppressionReason, true>;

const failures = {
  gone: true,
  campaignGone: true,
  badRequest: true,
  unauthorized: true,
  payloadTooLarge: true,
  hostNotAllowed: true,
  invalidSubscription: true,
  notConfigured: true,
  urlMissing: true,
  urlNotAllowed: true,
  InvalidAuthentication: true,
  BadRequest: true,
  targetGone: true,
  addressNotAllowed: true,
  redirect: true,
  invalidRequest: true,
  timeout: true,
  connectionRefused: true,
  dns: true,
  tls: true,
  connectionReset: true,
  network: true,
} satisfies Record<
  Exclude<RejectionReason, `http${number}`> | UnreachableReason | 'gone' | 'campaignGone',
  true
>;

describe('docs/errors.md', () => {
  let text: string;
  before(async () => {
    text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  });

  /** The cells of each row of the table below a heading that names something in code. */
  function rowsBelow(heading: string): string[][] {
    const section = text.split(/^#{2,3} /m).find((part) => part.startsWith(heading)) ?? '';
    return section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|').map((cell) => cell.trim()));
  }
  const namesBelow = (heading: string): string[] =>
    rowsBelow(heading).map(([, first = '']) => first.split('`')[1] ?? '');

  it('explains each error code of the API, with its status, and no other', () => {
    const rows = rowsBelow('Answers of the API').map(([, code, status]) => [code, status]);
    const catalogue = Object.entries(PROBLEMS).map(([code, { status }]) => [`\`${code}\``, String(status)]);
    expect(rows).to.have.deep.members(catalogue);
  });

  it('says for each error code when it comes and what to do', () => {
    const rows = rowsBelow('Answers of the API');
    expect(rows).not.to.be.empty;
    for (const [, code, , when, what] of rows) {
      expect(when, code).to.match(/\w{3}/);
      expect(what, code).to.match(/\w{3}/);
    }
  });

  it('explains each suppression reason and no other', () => {
    expect(namesBelow('Suppressed')).to.have.members(Object.keys(suppressions));
  });

  it('explains each failure reason, and those by status together', () => {
    const byTheirNames = [
      'DeviceTokenInactiveForTopic',
      'NotRegistered',
      'ServerUnavailable',
      'TooManyRequests',
    ];
    const names = [...Object.keys(failures), 'http429', ...byTheirNames];
    expect(namesBelow('Failed')).to.have.members(names);
  });
});
