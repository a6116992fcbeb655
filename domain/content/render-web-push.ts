import type { WebPushDefinition } from '../campaign/campaign.ts';
import { chosenContent } from './chosen-content.ts';
import type { UtmParameters, WebPushContent, WebPushTexts } from './content.ts';
import { pointerPart } from '../pointer.ts';
import type { TemplateEngine } from '../ports/services.ts';
import { scopeOf, type RenderContext } from './render-scope.ts';
import { addressFault, FILE_SCHEMES, PAGE_SCHEMES, withParameters } from './web-address.ts';

/** A web push with every text rendered. */
export type RenderedWebPush = WebPushTexts &
  Pick<WebPushContent, 'ttl' | 'requireInteraction' | 'urgency' | 'topic'>;

/** What was rendered, and which of the contents of the campaign it is. */
export interface RenderOutcome {
  content: RenderedWebPush;
  /** The variant's name; absent: the campaign has none. */
  variant?: string | undefined;
  /** The tag among those of the campaign; absent: the default content. */
  language?: string | undefined;
}

export interface RenderOptions {
  /** The variant that alone is sent, or that is looked at; absent: the profile's own. */
  winner?: string | undefined;
}

/** Thrown when a text cannot be shown; the message begins with its pointer. */
export class RenderError extends Error {
  override readonly name = 'RenderError';
  /** Where the text stands in the campaign. */
  readonly pointer: string;

  constructor(pointer: string, detail: string, options?: ErrorOptions) {
    super(`${pointer}: ${detail}`, options);
    this.pointer = pointer;
  }
}

/**
 * @returns the content for the profile with every text rendered
 * @throws RenderError of the first text that cannot be shown
 */
export async function renderWebPush(
  templates: TemplateEngine,
  definition: WebPushDefinition,
  context: RenderContext,
  options: RenderOptions = {},
): Promise<RenderOutcome> {
  const { what } = definition;
  const { campaign, profile, language, site } = context;
  const { texts, placeOf, ...chosen } = chosenContent(
    what,
    campaign.id,
    profile.id,
    language,
    options.winner,
  );
  const place = placesOf(templates, scopeOf(context));
  const parameters = await utmOf(what.utm, place.text);

  const page = async (at: string, template: string | undefined): Promise<string | undefined> => {
    const address = await place.address(at, template, PAGE_SCHEMES);
    return address === undefined ? undefined : withParameters(address, parameters);
  };
  const file = (field: 'image' | 'icon' | 'badge'): Promise<string | undefined> =>
    place.address(placeOf[field], texts[field], FILE_SCHEMES);

  const data: Record<string, string> = {};
  for (const [key, template] of Object.entries(texts.data ?? {}))
    data[key] = await place.text(`${placeOf.data}/${pointerPart(key)}`, template);
  const actions = [];
  for (const [i, action] of (texts.actions ?? []).entries()) {
    const title = await place.title(`${placeOf.actions}/${i}/title`, action.title);
    actions.push({ title, url: await page(`${placeOf.actions}/${i}/url`, action.url) });
  }
  const { ttl, requireInteraction, urgency, topic } = what;
  const content: RenderedWebPush = {
    ttl,
    requireInteraction,
    urgency,
    topic,
    title: await place.title(placeOf.title, texts.title),
    body: texts.body === undefined ? undefined : await place.text(placeOf.body, texts.body),
    url: await page(placeOf.url, texts.url),
    image: await file('image'),
    icon: (await file('icon')) ?? site?.defaultIcon,
    badge: await file('badge'),
    actions,
    data,
  };
  return { content, ...chosen };
}

/** Renders what stands at a place below `/what`, or says where it went wrong. */
function placesOf(templates: TemplateEngine, scope: Record<string, unknown>) {
  // One for all texts: a message may not take more for having many.
  const budget = templates.budget();
  const render = async (at: string, template: string, escape: 'none' | 'url'): Promise<string> => {
    try {
      return await templates.render(template, scope, { escape, budget });
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      throw new RenderError(`/what/${at}`, fault, { cause: error });
    }
  };
  const text = (at: string, template: string): Promise<string> => render(at, template, 'none');
  return {
    text,
    async title(at: string, template: string): Promise<string> {
      const shown = await text(at, template);
      if (shown.trim() === '') throw new RenderError(`/what/${at}`, 'nothing is left of it to show');
      return shown;
    },
    async address(at: string, template: string | undefined, schemes: string[]): Promise<string | undefined> {
      if (template === undefined) return undefined;
      const address = (await render(at, template, 'url')).trim();
      if (address === '') return undefined;
      const fault = addressFault(address, schemes);
      if (fault !== null) throw new RenderError(`/what/${at}`, fault);
      return address;
    },
  };
}

/** The parameters that are left with a value, in the order in which they are usually written. */
async function utmOf(
  utm: UtmParameters = {},
  text: (at: string, template: string) => Promise<string>,
): Promise<[string, string][]> {
  const parameters: [string, string][] = [];
  for (const name of ['source', 'medium', 'campaign', 'term', 'content'] as const) {
    const template = utm[name];
    const value = template === undefined ? '' : (await text(`utm/${name}`, template)).trim();
    if (value !== '') parameters.push([`utm_${name}`, value]);
  }
  return parameters;
}
