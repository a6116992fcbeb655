import { expectDaily } from '../workflow/fixtures/schedule-scene.ts';

describe('a campaign that recurs daily for two years', function () {
  this.timeout(600_000);

  it('has its run on each day once, and no history grows long', () => expectDaily(730));
});
