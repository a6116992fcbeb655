/**
 * Between the end of a browser's subscription and the server's answer about the next one, the address that it had is
 * the only thing that says who it is. It is kept here meanwhile: by pages in localStorage, by the worker, which has
 * none, in a cache that pages read too. Where storage is blocked a page remembers it for its own life.
 */
const cacheName = 'beckon';
const keyOf = (siteId: string): string => `beckon.replaces.${siteId}`;
const addressOf = (siteId: string): string => `/beckon-replaces/${encodeURIComponent(siteId)}`;
const forgetful = new WeakMap<object, Map<string, string>>();

/** What the worker and pages have alike; absent where it is too old or blocked. */
export interface CacheWorld {
  readonly caches?: Pick<CacheStorage, 'open'>;
}

/** @returns the address that the server knows and that is to be replaced */
export async function pendingReplaces(
  page: Window & typeof globalThis,
  siteId: string,
): Promise<string | undefined> {
  try {
    const kept = page.localStorage.getItem(keyOf(siteId));
    if (kept) return kept;
  } catch {
    // Storage is blocked.
  }
  return forgetful.get(page)?.get(siteId) ?? (await pendingOfWorker(page, siteId));
}

/** Keeps the address; one that is kept already stays, since the server has not heard of any after it. */
export async function keepReplaces(
  page: Window & typeof globalThis,
  siteId: string,
  endpoint: string,
): Promise<void> {
  if ((await pendingReplaces(page, siteId)) !== undefined) return;
  forgetful.set(page, new Map([[siteId, endpoint]]));
  try {
    page.localStorage.setItem(keyOf(siteId), endpoint);
  } catch {
    // Storage is blocked.
  }
}

/** The server has answered. */
export async function forgetReplaces(page: Window & typeof globalThis, siteId: string): Promise<void> {
  forgetful.delete(page);
  try {
    page.localStorage.removeItem(keyOf(siteId));
  } catch {
    // Storage is blocked.
  }
  await forgetOfWorker(page, siteId);
}

/** As {@link pendingReplaces}, of what a worker kept. */
export async function pendingOfWorker(world: CacheWorld, siteId: string): Promise<string | undefined> {
  try {
    const cache = await world.caches?.open(cacheName);
    return (await (await cache?.match(addressOf(siteId)))?.text()) ?? undefined;
  } catch {
    return undefined;
  }
}

/** As {@link keepReplaces}, for a worker. */
export async function keepForWorker(world: CacheWorld, siteId: string, endpoint: string): Promise<void> {
  if ((await pendingOfWorker(world, siteId)) !== undefined) return;
  try {
    await (await world.caches?.open(cacheName))?.put(addressOf(siteId), new Response(endpoint));
  } catch {
    // Nothing can be kept: the next address will not be known as this browser's.
  }
}

/** As {@link forgetReplaces}, of what a worker kept. */
export async function forgetOfWorker(world: CacheWorld, siteId: string): Promise<void> {
  try {
    await (await world.caches?.open(cacheName))?.delete(addressOf(siteId));
  } catch {
    // There is none.
  }
}
