import type { ByLanguage, WebPushContent, WebPushTexts } from './content.ts';
import { matchLanguage } from './languages.ts';
import { variantOf } from './variants.ts';

/** The one of a campaign's contents that a profile gets, before it is rendered. */
export interface ChosenContent {
  texts: WebPushTexts;
  /** Where each text stands in the campaign, as a JSON pointer below `/what`. */
  placeOf: Record<keyof WebPushTexts, string>;
  variant?: string | undefined;
  language?: string | undefined;
}

/**
 * Chooses the texts for a profile: those of the campaign in its language, over them those of its variant, over them
 * those of the variant in its language. `actions` and `data` are taken as a whole.
 *
 * @param language the one that the profile is addressed in
 * @param winner the name of the variant that is sent whatever the profile's own
 */
export function chosenContent(
  what: WebPushContent,
  campaignId: string,
  profileId: string,
  language?: string,
  winner?: string,
): ChosenContent {
  const variant = variantOf(campaignId, profileId, what, winner);
  const index = variant ? (what.variants ?? []).indexOf(variant) : -1;
  const ownTag = tagIn(what.languages, language);
  const variantTag = tagIn(variant?.content.languages, language);
  const layers: [string, Partial<WebPushTexts> | undefined][] = [
    ['', what],
    [`languages/${ownTag ?? ''}/`, ownTag === undefined ? undefined : what.languages?.[ownTag]],
    [`variants/${index}/content/`, variant?.content],
    [
      `variants/${index}/content/languages/${variantTag ?? ''}/`,
      variantTag === undefined ? undefined : variant?.content.languages?.[variantTag],
    ],
  ];
  const texts: Partial<WebPushTexts> = {};
  const placeOf = Object.fromEntries(TEXT_FIELDS.map((field) => [field, field])) as ChosenContent['placeOf'];
  for (const [place, layer] of layers) {
    for (const field of TEXT_FIELDS) {
      if (layer?.[field] === undefined) continue;
      Object.assign(texts, { [field]: layer[field] });
      placeOf[field] = `${place}${field}`;
    }
  }
  return {
    texts: { ...texts, title: texts.title ?? what.title },
    placeOf,
    variant: variant?.name,
    language: variantTag ?? ownTag,
  };
}

/** The texts of a content, in the order in which they are shown. */
export const TEXT_FIELDS = [
  'title',
  'body',
  'url',
  'image',
  'icon',
  'badge',
  'actions',
  'data',
] as const satisfies readonly (keyof WebPushTexts)[];

function tagIn(languages: ByLanguage | undefined, wanted: string | undefined): string | undefined {
  return languages === undefined ? undefined : matchLanguage(Object.keys(languages), wanted);
}
