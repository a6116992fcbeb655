import { TEXT_FIELDS } from './chosen-content.ts';
import type { ByLanguage, WebhookContent, WebPushContent, WebPushTexts } from './content.ts';
import { pointerPart } from '../pointer.ts';

/** One text of a campaign that may hold expressions. */
export interface TextPlace {
  /** JSON pointer. */
  pointer: string;
  text: string;
  /** What its outputs become part of. */
  kind: 'text' | 'page' | 'file' | 'body' | 'keyValue';
}

/** @returns every text of a web push that may hold expressions: of the default, all languages and all variants */
export function webPushPlaces(what: WebPushContent): TextPlace[] {
  const utm = Object.entries(what.utm ?? {}).flatMap(([name, text]) =>
    text === undefined ? [] : [place(`/what/utm/${name}`, text as string)],
  );
  const variants = (what.variants ?? []).flatMap(({ content }, i) => {
    const pointer = `/what/variants/${i}/content`;
    return [...textPlaces(content, pointer), ...languagePlaces(content.languages, pointer)];
  });
  return [...textPlaces(what, '/what'), ...languagePlaces(what.languages, '/what'), ...variants, ...utm];
}

/** @returns every text of a webhook that may hold expressions */
export function webhookPlaces(what: WebhookContent): TextPlace[] {
  const pairs = Object.entries(what.keyValues ?? {}).map(([key, text]) =>
    place(`/what/keyValues/${pointerPart(key)}`, text, 'keyValue'),
  );
  return what.body === undefined ? pairs : [...pairs, place('/what/body', what.body, 'body')];
}

/** @returns the texts of one content, without its languages and variants */
export function textPlaces(texts: Partial<WebPushTexts>, pointer: string): TextPlace[] {
  return TEXT_FIELDS.flatMap((field): TextPlace[] => {
    if (field === 'actions')
      return (texts.actions ?? []).flatMap(({ title, url }, i) => [
        place(`${pointer}/actions/${i}/title`, title),
        ...(url === undefined ? [] : [place(`${pointer}/actions/${i}/url`, url, 'page')]),
      ]);
    if (field === 'data')
      return Object.entries(texts.data ?? {}).map(([key, text]) =>
        place(`${pointer}/data/${pointerPart(key)}`, text),
      );
    const text = texts[field];
    if (text === undefined) return [];
    const kind = field === 'title' || field === 'body' ? 'text' : field === 'url' ? 'page' : 'file';
    return [place(`${pointer}/${field}`, text, kind)];
  });
}

function languagePlaces(languages: ByLanguage | undefined, pointer: string): TextPlace[] {
  return Object.entries(languages ?? {}).flatMap(([tag, texts]) =>
    textPlaces(texts, `${pointer}/languages/${pointerPart(tag)}`),
  );
}

function place(pointer: string, text: string, kind: TextPlace['kind'] = 'text'): TextPlace {
  return { pointer, text, kind };
}
