import { expect } from 'chai';
import { webhookInput } from '../../../api/webhooks/schemas.ts';
import { faultsOf as schemaFaultsOf } from '../../support/faults-of.ts';

const input = webhookInput(() => null);

const faultsOf = (more: Record<string, unknown>): string[] =>
  schemaFaultsOf(input, { name: 'Orders', url: 'https://shop.example/hook', ...more });

describe('the durations of a webhook', () => {
  it('may be as short and as long as is said', () => {
    for (const timeout of ['1s', '15s']) expect(faultsOf({ limits: { timeout } })).to.deep.equal([]);
    expect(faultsOf({ retries: { base: '1h', cap: '1d' } })).to.deep.equal([]);
  });

  it('are told which form they have where that is what is wrong, also with a zero in front', () => {
    for (const timeout of ['05s', '00s', '5', '-5s', '1.5s', 'soon', ''])
      expect(faultsOf({ limits: { timeout } }), timeout).to.deep.equal([
        '/limits/timeout: must be a duration such as 5s, 10m or 2h',
      ]);
  });

  it('are told how long they may be where that is what is wrong', () => {
    for (const timeout of ['0s', '16s', '1h', '3651d', '99999999999s'])
      expect(faultsOf({ limits: { timeout } }), timeout).to.deep.equal([
        '/limits/timeout: must be from 1s to 15s',
      ]);
  });

  it('are compared with each other only where both are durations', () => {
    expect(faultsOf({ retries: { base: '1m', cap: '30s' } })).to.deep.equal([
      '/retries/cap: must not be shorter than base',
    ]);
    expect(faultsOf({ retries: { base: '1m', cap: '02m' } })).to.deep.equal([
      '/retries/cap: must be a duration such as 5s, 10m or 2h',
    ]);
  });
});
