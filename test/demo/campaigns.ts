import type { Cart, Person } from './people.ts';

export const WINDOW_SECONDS = 5;

/** How long the live campaign goes on after the demo, so that it can be looked at. */
const LIVE_FOR_MS = 10 * 60_000;

const ofThisDemo = (run: string): object => ({ property: 'demo', op: 'eq', value: run });

/** Whoever leaves a cart for five seconds is reminded of it, once for each cart. */
export function abandonedCart(run: string, siteId: string): object {
  return {
    name: `Abandoned cart (${run})`,
    channel: 'webPush',
    siteId,
    labels: ['demo', run],
    who: {
      live: {
        event: 'Added To Cart',
        matchOn: 'cartId',
        inaction: { event: 'Charged', within: `${WINDOW_SECONDS}s` },
        filter: ofThisDemo(run),
      },
    },
    when: { start: 'now', end: new Date(Date.now() + LIVE_FOR_MS).toISOString() },
    what: {
      title: '{{ profile.name }}, still thinking it over?',
      body: 'Your {{ event.product }} is waiting: {{ event.price }} €.',
      url: 'https://shop.example/cart/{{ event.cartId }}',
      ttl: '1h',
    },
  };
}

/** @returns what `abandonedCart` shows for a cart */
export function cartTexts(cart: Cart): { title: string; body: string } {
  return {
    title: `${cart.person.name}, still thinking it over?`,
    body: `Your ${cart.product} is waiting: ${cart.price} €.`,
  };
}

/** Everybody of this demo, once and now. */
export function newArrivals(run: string, siteId: string): object {
  return {
    name: `New arrivals (${run})`,
    channel: 'webPush',
    siteId,
    labels: ['demo', run],
    who: { past: ofThisDemo(run) },
    when: { start: 'now' },
    what: {
      title: 'New in the shop',
      body: '{{ profile.name }}, we now deliver to {{ profile.city }} for free.',
      url: 'https://shop.example/new',
      ttl: '1h',
    },
  };
}

/** @returns what `newArrivals` shows for a person */
export function newsTexts(person: Person): { title: string; body: string } {
  return {
    title: 'New in the shop',
    body: `${person.name}, we now deliver to ${person.city} for free.`,
  };
}
