import { expect } from 'chai';
import type { TestStack } from './stack.ts';

/** Replaces the account's settings; what is left out goes back to its default. */
export async function setSettings(stack: TestStack, settings: object = {}): Promise<void> {
  const answer = await stack.client.put('/v1/settings', settings);
  expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
}
