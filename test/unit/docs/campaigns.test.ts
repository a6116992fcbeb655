import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { campaignExamples } from '../../../api/campaigns/examples.ts';
import { publishFaults } from '../../../api/campaigns/publishable.ts';
import { campaignInput, definitionOf } from '../../../api/campaigns/schemas.ts';
import { DEFAULT_SETTINGS } from '../../../domain/campaign/settings.ts';
import { createTemplateEngine } from '../../../domain/content/template.ts';

const templates = createTemplateEngine();
/** Before every instant that an example names. */
const nowMs = Date.parse('2026-11-01T00:00:00Z');

/** Parses as the API does, and asks whether it could be published. */
function faultsOf(example: unknown): unknown {
  const parsed = campaignInput.safeParse(example);
  if (!parsed.success) return parsed.error.issues;
  return publishFaults(definitionOf(parsed.data), templates, nowMs, DEFAULT_SETTINGS);
}

describe('the campaigns that the documentation shows', () => {
  for (const [name, { value }] of Object.entries(campaignExamples)) {
    it(`can be published: ${name} in the API's own documentation`, () => {
      expect(faultsOf(value)).to.deep.equal([]);
    });
  }

  const PAGES: [string, number][] = [
    ['campaigns', 3],
    ['schedules', 1],
    ['reminders', 1],
    ['throughput', 1],
    ['content', 1],
    ['api-triggered', 1],
  ];
  for (const [page, atLeast] of PAGES) {
    it(`can be published: each in docs/${page}.md`, async () => {
      const text = await readFile(new URL(`../../../docs/${page}.md`, import.meta.url), 'utf8');
      const blocks = [...text.matchAll(/```jsonc?\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
      const campaigns = blocks.filter((block) => block.includes('"channel"'));
      expect(campaigns).to.have.length.at.least(atLeast);
      for (const block of campaigns) {
        const filled = block.replace(/"siteId": "[^"]*"/, '"siteId": "6745c0e1a1b2c3d4e5f60718"');
        expect(faultsOf(JSON.parse(filled)), block).to.deep.equal([]);
      }
    });
  }
});
