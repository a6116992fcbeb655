import { expect } from 'chai';
import type { Device } from '../../../domain/delivery/message.ts';
import type { DeliveryOutcome } from '../../../domain/delivery/outcome.ts';
import { judgeTry } from '../../../domain/delivery/settle.ts';

const device = (subscriptionId: string, more: Partial<Device> = {}): Device => ({
  subscriptionId,
  state: 'pending',
  tries: 0,
  ...more,
});
const judge = (
  devices: Device[],
  outcomes: Record<string, DeliveryOutcome>,
  more: { tries?: number; expiresAtMs?: number } = {},
) =>
  judgeTry({
    devices,
    outcomes: Object.entries(outcomes).map(([subscriptionId, outcome]) => ({ subscriptionId, outcome })),
    tries: more.tries ?? 0,
    nowMs: 1_000_000,
    expiresAtMs: more.expiresAtMs ?? 100_000_000,
    random: 0,
  });
const delivered: DeliveryOutcome = { kind: 'delivered', status: 201 };
const gone: DeliveryOutcome = { kind: 'gone', status: 410 };

describe('judgeTry', () => {
  it('is sent when the only device took it', () => {
    const { devices, verdict } = judge([device('a')], { a: delivered });
    expect(verdict).to.deep.equal({ kind: 'sent' });
    expect(devices[0]).to.include({ state: 'delivered', tries: 1 });
  });
  it('is sent when one device took it and the other is gone', () => {
    expect(judge([device('a'), device('b')], { a: delivered, b: gone }).verdict).to.deep.equal({
      kind: 'sent',
    });
  });
  it('has failed as gone when every device is gone', () => {
    expect(judge([device('a'), device('b')], { a: gone, b: gone }).verdict).to.deep.equal({
      kind: 'failed',
      reason: 'gone',
    });
  });
  it('has failed by the refusal when one was refused and the other is gone', () => {
    const rejected: DeliveryOutcome = { kind: 'rejected', reason: 'payloadTooLarge', status: 413 };
    const { verdict } = judge([device('a'), device('b')], { a: gone, b: rejected });
    expect(verdict).to.deep.equal({ kind: 'failed', reason: 'payloadTooLarge' });
  });
  it('comes back not before the longest Retry-After', () => {
    const { verdict, devices } = judge([device('a'), device('b')], {
      a: { kind: 'throttled', status: 429, retryAfterMs: 60_000 },
      b: { kind: 'throttled', status: 503, retryAfterMs: 120_000 },
    });
    expect(verdict.kind).to.equal('retryAt');
    if (verdict.kind === 'retryAt') {
      expect(verdict.atMs).to.be.at.least(1_120_000);
      expect(verdict.accepted).to.equal(false);
    }
    expect(devices.map(({ state, reason }) => [state, reason])).to.deep.equal([
      ['pending', 'http429'],
      ['pending', 'http503'],
    ]);
  });
  it('comes back for the device that was away, and remembers that another took it', () => {
    const { verdict, devices } = judge([device('a'), device('b')], {
      a: delivered,
      b: { kind: 'unreachable', reason: 'timeout' },
    });
    expect(verdict).to.include({ kind: 'retryAt', accepted: true });
    expect(devices.map(({ state }) => state)).to.deep.equal(['delivered', 'pending']);
  });
  it('does not touch a device that was not tried', () => {
    const taken = device('a', { state: 'delivered', tries: 1 });
    const { devices, verdict } = judge([taken, device('b')], { b: gone });
    expect(devices[0]).to.equal(taken);
    expect(verdict).to.deep.equal({ kind: 'sent' });
  });
  it('gives up after the last try', () => {
    const { verdict, devices } = judge(
      [device('a')],
      { a: { kind: 'unreachable', reason: 'dns' } },
      { tries: 7 },
    );
    expect(verdict).to.deep.equal({ kind: 'failed', reason: 'dns' });
    expect(devices[0]?.state).to.equal('givenUp');
  });
  it('expires when no try fits into its time to live, and stays sent when a device took it', () => {
    const away: DeliveryOutcome = { kind: 'throttled', status: 429, retryAfterMs: 60_000 };
    expect(judge([device('a')], { a: away }, { expiresAtMs: 1_030_000 }).verdict).to.deep.equal({
      kind: 'expired',
    });
    const both = judge(
      [device('a', { state: 'delivered' }), device('b')],
      { b: away },
      { expiresAtMs: 1_030_000 },
    );
    expect(both.verdict).to.deep.equal({ kind: 'sent' });
  });
});
