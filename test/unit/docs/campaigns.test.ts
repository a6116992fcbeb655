import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { campaignExamples } from '../../../api/campaigns/examples.ts';
import { definitionFaults, publishFaults } from '../../../api/campaigns/publishable.ts';
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
  const definition = definitionOf(parsed.data);
  return [...definitionFaults(definition), ...publishFaults(definition, templates, nowMs, DEFAULT_SETTINGS)];
}

describe('the campaigns that the documentation shows', () => {
  for (const [name, { value }] of Object.entries(campaignExamples)) {
    it(`can be published: ${name} in the API's own documentation`, () => {
      expect(faultsOf(value)).to.deep.equal([]);
    });
  }

  it('can be published: each that a page of docs shows as a whole', async () => {
    const shown = new Map<string, number>();
    for (const page of (await readdir(docs)).filter((name) => name.endsWith('.md'))) {
      const text = await readFile(new URL(page, docs), 'utf8');
      for (const campaign of campaignsIn(text)) {
        expect(faultsOf(campaign), `${page}: ${JSON.stringify(campaign)}`).to.deep.equal([]);
        shown.set(page, (shown.get(page) ?? 0) + 1);
      }
    }
    const pages = ['api-triggered', 'campaigns', 'content', 'editing', 'reminders', 'schedules'];
    expect([...shown.keys()]).to.include.members(
      [...pages, 'throughput', 'webhook-campaigns'].map((page) => `${page}.md`),
    );
    expect(shown.get('campaigns.md')).to.be.at.least(3);
  });
});

const docs = new URL('../../../docs/', import.meta.url);

/** The JSON of a page, that of its curl calls too, which says who gets what. */
function campaignsIn(text: string): object[] {
  const blocks = [...text.matchAll(/```(?:jsonc?\n([\s\S]*?)```|sh\n[^`]*?-d '(\{[\s\S]*?\})')/g)];
  const campaigns = blocks
    .map(([, json, ofCurl]) => json ?? ofCurl ?? '')
    .filter((block) => ['"name"', '"channel"', '"who"', '"what"'].every((name) => block.includes(name)));
  return campaigns.map((block) => {
    const filled = block.replace(/"siteId": "[^"]*"/, '"siteId": "6745c0e1a1b2c3d4e5f60718"');
    return JSON.parse(filled) as object;
  });
}
