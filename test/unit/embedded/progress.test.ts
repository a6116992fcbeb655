import { expect } from 'chai';

import { createProgress } from '../../../embedded/progress.ts';

describe('showing a long step', () => {
  function record(isTTY: boolean) {
    let text = '';
    let time = 0;
    const stream = { isTTY, write: (part: string) => (text += part) };
    const progress = createProgress(stream, () => time);
    return { progress, pass: (ms: number) => (time += ms), written: () => text };
  }

  it('writes a line at the start and one with the elapsed time at the end when there is no terminal', () => {
    const { progress, pass, written } = record(false);
    const step = progress.step('Fetching');
    pass(12_400);
    step.end('done');
    expect(written()).to.equal('Fetching\nFetching: done, 12 s\n');
  });

  it('replaces its one line on a terminal and ends it with a line break', () => {
    const { progress, pass, written } = record(true);
    const step = progress.step('Fetching');
    step.update('42 %');
    pass(3000);
    step.end('failed');
    expect(written()).to.equal('\r\x1b[2KFetching: failed, 3 s\n');
  });
});
