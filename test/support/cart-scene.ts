import {
  dispatched,
  type makeSite,
  messagesOf,
  post,
  publish,
  pushesTo,
  statsOf,
  subscribe,
  type PostedEvent,
} from './fixtures.ts';
import type { TestStack } from './stack.ts';
import { waitFor } from './wait-for.ts';

/** Event names that no other campaign of the stack listens to. */
export interface CartNames {
  cart: string;
  charged: string;
  emptied: string;
}

export interface CartSceneOptions {
  /** How long a purchase saves the profile from the push; default `1s`; null: no inaction window. */
  within?: string | null;
  /** More of `who.live`. */
  live?: (names: CartNames) => object;
  when?: object;
  what?: object;
  /** More of the campaign itself. */
  campaign?: object;
  /** Browsers of the profile; default 1. */
  devices?: number;
  /** Fields of the profile. */
  profile?: object;
  names?: CartNames;
}

/** One profile and one live campaign that nothing else in the stack touches. */
export interface CartScene {
  campaign: string;
  identity: string;
  names: CartNames;
  /** Of its browsers. */
  endpoints: string[];
  subscriptions: string[];
  cart(properties?: object, more?: Partial<PostedEvent>): PostedEvent;
  charged(properties?: object, more?: Partial<PostedEvent>): PostedEvent;
  emptied(properties?: object, more?: Partial<PostedEvent>): PostedEvent;
  post(...events: PostedEvent[]): Promise<{ accepted: number; duplicates: number }>;
  rows(): Promise<Record<string, any>[]>;
  /** Waits until there are so many rows, open or not. */
  entered(count?: number): Promise<Record<string, any>[]>;
  /** Waits until every event was dispatched, and there are so many rows, each settled: no more will come. */
  settled(count?: number): Promise<Record<string, any>[]>;
  /** Bodies that its browsers were pushed, in order. */
  pushes(): string[];
  stats(): Promise<Record<string, any>>;
}

let scenes = 0;

/** @returns event names of their own */
export function cartNames(): CartNames {
  scenes += 1;
  return {
    cart: `Added To Cart ${scenes}`,
    charged: `Charged ${scenes}`,
    emptied: `Cart Emptied ${scenes}`,
  };
}

/** Publishes a cart campaign on a site and subscribes one profile to it. */
export async function cartScene(
  stack: TestStack,
  site: Awaited<ReturnType<typeof makeSite>>,
  options: CartSceneOptions = {},
): Promise<CartScene> {
  const names = options.names ?? cartNames();
  const identity = `person-${names.cart.split(' ').at(-1)}`;
  const { within = '1s' } = options;
  if (options.profile) {
    await stack.client.must('/v1/profiles', { profiles: [{ identity, ...options.profile }] });
  }
  const browsers: Awaited<ReturnType<typeof subscribe>>[] = [];
  for (let i = 0; i < (options.devices ?? 1); i += 1) browsers.push(await subscribe(stack, site, identity));
  const campaign = await publish(stack, {
    name: 'Abandoned cart',
    channel: 'webPush',
    siteId: site.id,
    who: {
      live: {
        event: names.cart,
        ...(within === null ? {} : { inaction: { event: names.charged, within } }),
        ...options.live?.(names),
      },
    },
    when: { start: 'now', ...options.when },
    what: { title: 'Still thinking it over?', body: '{{ event.cartId }}', ...options.what },
    ...options.campaign,
  });

  const event =
    (name: string) =>
    (properties: object = {}, more: Partial<PostedEvent> = {}) => ({
      identity,
      name,
      properties: { ...properties },
      ...more,
    });
  const rows = (): Promise<Record<string, any>[]> => messagesOf(stack, campaign);
  return {
    campaign,
    identity,
    names,
    endpoints: browsers.map(({ endpoint }) => endpoint),
    subscriptions: browsers.map(({ id }) => id),
    cart: event(names.cart),
    charged: event(names.charged),
    emptied: event(names.emptied),
    post: (...events) => post(stack, ...events),
    rows,
    entered: (count = 1) =>
      waitFor(`${count} messages`, async () => {
        const found = await rows();
        return found.length >= count && found;
      }),
    async settled(count = 1) {
      await dispatched(stack);
      return waitFor(`${count} settled messages`, async () => {
        const found = await rows();
        return found.length === count && found.every((row) => row.settledAt !== undefined) && found;
      });
    },
    pushes: () =>
      browsers
        .flatMap(({ endpoint }) => pushesTo(stack, endpoint))
        .sort((a, b) => a.at - b.at)
        .map(({ body }) => body),
    stats: () => statsOf(stack, campaign),
  };
}

/** @returns the instant so many milliseconds before now (or after, when negative), as events carry it */
export function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}
