import { z } from 'zod';
import { audienceKind, type Campaign } from '../../domain/campaign/campaign.ts';
import type { Profile } from '../../domain/profile.ts';
import type { ApiDeps } from '../deps.ts';
import { id, language, properties, text } from '../http/fields.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { mustFind } from './definition.ts';
import { previewOf } from './preview.ts';
import { sampleOf } from './sample.ts';

const previewInput = z
  .strictObject({
    identity: text(256).optional().describe('For this profile'),
    objectId: id.optional().describe('For this profile'),
    profile: z
      .strictObject({
        identity: text(256).optional(),
        email: text(320).optional(),
        name: text(256).optional(),
        timezone: text(64).optional(),
        language: language.optional(),
        country: text(2).optional(),
        properties: properties.default({}),
      })
      .optional()
      .describe('For a profile that need not exist; absent, and no identity: for one made of known examples'),
    event: z
      .strictObject({ properties })
      .optional()
      .describe('Live campaigns: fills `event.*`; absent: known examples'),
    data: properties
      .optional()
      .describe('API-triggered campaigns: fills `data.*`; absent: each required name for its value'),
    language: language.optional().describe("In the place of the profile's"),
    variant: text(64).optional().describe("In the place of the profile's"),
  })
  .meta({ id: 'PreviewInput' });

const reason = z.object({ field: z.string(), why: z.string() });
const cut = z.object({ shows: z.number().int(), cut: z.boolean() });
const previewView = z
  .looseObject({
    channel: z.enum(['webPush', 'webhook']),
    objectId: z.string().nullable().describe('null: the profile is a sample'),
    filledWith: z
      .looseObject({
        profile: z.looseObject({}),
        event: z.looseObject({}).nullable(),
        data: z.looseObject({}).nullable(),
      })
      .describe('What the texts were filled with'),
    webPush: z
      .looseObject({
        variant: z.string().nullable(),
        language: z.string().nullable().describe('null: the default content'),
        content: z.looseObject({ title: z.string() }),
        payload: z.object({
          bytes: z.number().int(),
          limit: z.number().int(),
          fault: z.string().nullable(),
        }),
        lengths: z
          .object({ title: z.number().int(), body: z.number().int() })
          .describe('Characters as a reader counts them'),
        browsers: z.array(
          z.looseObject({
            family: z.string(),
            name: z.string(),
            shown: z.looseObject({}).nullable().describe('null: nothing, `notShown` says why'),
            notShown: z.string().optional(),
            leftOut: z.array(reason),
            notes: z.array(reason),
            lengths: z.object({ title: cut, body: cut }).describe('About how much it shows before it cuts'),
          }),
        ),
      })
      .optional(),
    webhook: z
      .looseObject({
        method: z.string().nullable().describe('null: there is no such webhook target'),
        url: z.string().nullable().describe('With the query pairs of the target'),
        headers: z
          .array(z.object({ name: z.string(), value: z.string() }))
          .describe('Of the target; secret values are masked'),
        contentType: z.enum(['json', 'text']),
        body: z.string().describe('Exactly what is posted'),
        missing: z
          .string()
          .nullable()
          .describe('The required field that the profile lacks: it would not be told'),
      })
      .optional(),
    renderError: z
      .object({ pointer: z.string(), detail: z.string() })
      .optional()
      .describe('In the place of the preview: this text cannot be rendered, the profile would get nothing'),
  })
  .meta({ id: 'Preview' });

/** `POST /v1/campaigns/:id/preview`: what a profile would be shown, or a webhook be told. */
export function campaignPreviewRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/campaigns/:id/preview',
      tag: 'Campaigns',
      summary: 'Preview a campaign',
      description:
        'Renders the campaign for a profile, or for a sample, and sends nothing: a web push as every kind of browser ' +
        'shows it, with what that browser leaves out; of a webhook campaign the exact request. A text that cannot be ' +
        'rendered is answered as `renderError`.',
      access: 'key',
      params: z.strictObject({ id }),
      body: previewInput.default({}),
      examples: {
        sample: { summary: 'Any campaign, for a sample profile', value: {} },
        live: {
          summary: 'A live campaign, for one person',
          value: { identity: '42', event: { properties: { product: 'Shoes', cartId: 'a' } } },
        },
        past: {
          summary: 'A web push campaign of past behaviour, for a profile that need not exist, in German',
          value: { profile: { name: 'Ada', properties: { plan: 'gold' } }, language: 'de' },
        },
        api: {
          summary: 'An API-triggered campaign, for one person',
          value: { identity: '42', data: { orderId: '1001', carrier: 'DHL' } },
        },
      },
      answers: { 200: { description: 'What would be shown', schema: previewView } },
      async handle({ params: { id: campaignId }, body }) {
        const campaign = await mustFind(deps, campaignId);
        const { profile, faults } = await profileOf(deps, body);
        faults.push(...wishFaults(campaign, body));
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
        const { data, language: tongue, variant } = body;
        const wishes = { profile, event: body.event?.properties, data, language: tongue, variant };
        return { status: 200, body: await previewOf(deps, campaign, wishes) };
      },
    }),
  ];
}

type PreviewInput = z.output<typeof previewInput>;

async function profileOf(
  deps: Pick<ApiDeps, 'profiles'>,
  { identity, objectId, profile }: PreviewInput,
): Promise<{ profile: Profile | undefined; faults: ProblemFault[] }> {
  const named = Object.entries({ identity, objectId, profile }).filter(([, value]) => value !== undefined);
  if (named.length > 1) {
    const detail = `only one of ${named.map(([name]) => name).join(' and ')} can be previewed`;
    return { profile: undefined, faults: [{ pointer: '', detail }] };
  }
  if (profile) return { profile: sampleOf(profile), faults: [] };
  if (identity === undefined && objectId === undefined) return { profile: undefined, faults: [] };
  const found =
    identity !== undefined
      ? await deps.profiles.byIdentity(identity)
      : (await deps.profiles.byIds([objectId ?? ''])).get(objectId ?? '');
  if (found) return { profile: found, faults: [] };
  const pointer = identity === undefined ? '/objectId' : '/identity';
  return { profile: undefined, faults: [{ pointer, detail: 'there is no such profile' }] };
}

function wishFaults(
  { definition }: Campaign,
  { event, data, language, variant }: PreviewInput,
): ProblemFault[] {
  const faults: ProblemFault[] = [];
  const kind = audienceKind(definition);
  if (event && kind !== 'live')
    faults.push({ pointer: '/event', detail: 'is for live campaigns; this one has no event' });
  if (data && kind !== 'api')
    faults.push({ pointer: '/data', detail: 'is for API-triggered campaigns; this one is given no data' });
  const isWebhook = definition.channel === 'webhook';
  if (language !== undefined && isWebhook)
    faults.push({ pointer: '/language', detail: 'is for web push; a webhook has one content' });
  if (variant === undefined) return faults;
  const variants = isWebhook ? [] : (definition.what.variants ?? []);
  if (!variants.some(({ name }) => name === variant))
    faults.push({ pointer: '/variant', detail: `there is no variant ${variant}` });
  return faults;
}
