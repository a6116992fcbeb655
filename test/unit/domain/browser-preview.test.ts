import { expect } from 'chai';
import { previewInBrowsers } from '../../../domain/content/browser-preview.ts';

const site = {};

describe('a message as browsers show it', () => {
  it('is shown by none that would not be sent it, and says why', () => {
    const content = { title: 'Hi', body: 'ä'.repeat(2_000), url: 'https://shop.example/' };
    const { payload, browsers } = previewInBrowsers(content, site);
    expect(payload.fault).to.match(/more than the 3993/);
    for (const { family, shown, notShown } of browsers) {
      expect(shown, family).to.equal(null);
      expect(notShown, family).to.equal(
        family === 'safariLegacy' ? 'the site has no Safari settings' : payload.fault,
      );
    }
  });

  it('is shown by Safari’s website push, whose payload is another, however long its body is', () => {
    const safari = { allowedDomains: ['https://shop.example'] } as never;
    const content = { title: 'Hi', body: 'ä'.repeat(2_000), url: 'https://shop.example/' };
    const shown = previewInBrowsers(content as never, { safari }).browsers.filter(
      (one) => one.shown !== null,
    );
    expect(shown.map(({ family }) => family)).to.deep.equal(['safariLegacy']);
  });
});
