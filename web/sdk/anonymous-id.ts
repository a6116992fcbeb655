import { randomUuid } from './random-uuid.ts';

const KEY = 'beckon.anonymousId';
const forgetful = new WeakMap<object, string>();

/** The id of this browser, made on first use and kept; for the life of the page where storage is blocked. */
export function anonymousIdOf(page: Window & typeof globalThis): string {
  const made = forgetful.get(page) ?? randomUuid(page);
  forgetful.set(page, made);
  try {
    const kept = page.localStorage.getItem(KEY);
    if (kept) return kept;
    page.localStorage.setItem(KEY, made);
  } catch {
    // Reading localStorage throws where the user blocks storage.
  }
  return made;
}
