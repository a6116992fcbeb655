/** What the worker registers: the names by which workflows are started. */
export { campaign } from './campaign.ts';
export { liveTrigger } from './live-trigger.ts';
export { queue } from './queue.ts';
export { run } from './run.ts';
export { testSend } from './test-send.ts';
