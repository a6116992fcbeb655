import { createApiClient } from '../support/api-client.ts';
import type { PushService } from '../support/push-service/push-service.ts';
import { waitFor } from '../support/wait-for.ts';
import type { DemoBrowser, Shown } from './browser.ts';
import { abandonedCart, cartTexts, newArrivals, newsTexts, WINDOW_SECONDS } from './campaigns.ts';
import { makeCarts, makePeople, type Cart, type Person } from './people.ts';
import { notificationLine } from './report.ts';
import { deliveryFaults, figureFaults, type Delivery } from './verdict.ts';
import { subscribeEverybody, type Visitor } from './visitors.ts';

export interface StoryDeps {
  url: string;
  adminKey: string;
  push: PushService;
  /** Names this demo: in identities, labels and campaign names. */
  run: string;
  say: (line: string) => void;
}

/** What a story leaves: the figures, where to look, and everything that was not as it should be. */
export interface StoryEnd {
  campaigns: { name: string; stats: Figures }[];
  workflows: { what: string; workflowId: string }[];
  faults: string[];
}

export interface Story {
  /** @throws once the story has been broken off */
  play(): Promise<StoryEnd>;
  /** Ends it at its next step and stops the campaigns that were published. */
  breakOff(): Promise<void>;
}

type Figures = Record<string, unknown>;
type Received = Delivery & { shown: Shown; browser: DemoBrowser };

/** Far above what anything takes; who waits longer is told what is missing. */
const PATIENCE_MS = 40_000;
/** Purchases wait so long for the triggers, so that they are seen to close open ones. */
const OPENING_MS = 1_000;

/** The demo itself: fifty people, two campaigns, some carts, and a look at what everybody got. */
export function createStory({ url, adminKey, push, run, say: print }: StoryDeps): Story {
  const api = createApiClient(url, adminKey);
  let isBrokenOff = false;
  const people = makePeople(run);
  const carts = makeCarts(people);
  const left = carts.filter((cart) => !cart.bought);
  const whoWidth = Math.max(...people.map((person) => whoOf(person).length));
  const expected = {
    cart: left.map((cart) => deliveryTo(cart.person, cartTexts(cart))),
    news: people.map((person) => deliveryTo(person, newsTexts(person))),
  };
  const published: string[] = [];
  const received: Received[] = [];
  const faults: string[] = [];
  let startedAt = 0;
  let playing: Promise<StoryEnd> | undefined;

  const say = (line: string): void => {
    if (!isBrokenOff) print(line);
  };
  const goOn = (): void => {
    if (isBrokenOff) throw new Error('broken off');
  };
  const publish = async (definition: object): Promise<string> => {
    goOn();
    const { id } = (await api.must('/v1/campaigns', definition)) as { id: string };
    published.push(id);
    await api.must(`/v1/campaigns/${id}/publish`);
    return id;
  };
  const statsOf = async (id: string): Promise<Figures> =>
    (await api.get(`/v1/campaigns/${id}/stats`)).body as Figures;
  const statusOf = async (id: string): Promise<string> =>
    ((await api.get(`/v1/campaigns/${id}`)).body as { status: string }).status;
  /** Goes on after a wait in vain: what is missing then is told in the end. */
  const patiently = (what: string, probe: () => Promise<boolean>, ms = PATIENCE_MS): Promise<unknown> =>
    waitFor(what, async () => isBrokenOff || (await probe()), ms)
      .catch(() => undefined)
      .finally(goOn);

  return {
    play() {
      playing = play();
      return playing;
    },
    async breakOff() {
      isBrokenOff = true;
      await playing?.catch(() => undefined);
      for (const id of published) await api.post(`/v1/campaigns/${id}/stop`);
    },
  };

  async function play(): Promise<StoryEnd> {
    const { siteId, visitors } = await subscribeEverybody({
      ...{ api, push, run, people },
      onShown: note,
      onRefused: (fault) => faults.push(`receipt     ${fault}`),
    });
    const zones = new Set(people.map((person) => person.timezone)).size;
    say(`  people         ${people.length} in ${zones} time zones, each with a subscribed browser`);
    const work: Promise<void>[] = [];
    push.onDelivered((one) => {
      const visitor = visitors.get(one.endpoint);
      if (visitor) work.push(visitor.browser.push(one.payload));
    });

    const cart = await publish(abandonedCart(run, siteId));
    say(`  campaign       Abandoned cart: left for ${WINDOW_SECONDS} s, by cartId (live)`);
    say('  campaign       New arrivals: everybody of this demo, once');
    say('');
    startedAt = performance.now();
    await shop(cart);
    const news = await publish(newArrivals(run, siteId));
    sayWhen('New arrivals is published. What the browsers show, decrypted:');
    await settle(cart, news);
    await Promise.all(work);
    const clicks = await answer();

    const ids = { cart, news };
    await patiently('the receipts', async () => (await checkFigures(ids, clicks)).faults.length === 0, 5_000);
    const figures = await checkFigures(ids, clicks);
    const shown = deliveryFaults([...expected.cart, ...expected.news], received, heldBack(visitors));
    return {
      campaigns: figures.campaigns,
      workflows: await workflowsOf(cart, news),
      faults: [...shown, ...figures.faults, ...faults],
    };
  }

  function sayWhen(line: string): void {
    say(`${secondsSince(startedAt)}  ${line}`);
  }

  function note(person: Person, shown: Shown, browser: DemoBrowser): void {
    const delivery = deliveryTo(person, shown);
    received.push({ ...delivery, shown, browser });
    sayWhen(notificationLine(delivery.who, shown, whoWidth));
  }

  /** Carts are filled, and a moment later some are bought. Others only look around, which starts nothing. */
  async function shop(campaignId: string): Promise<void> {
    const event = (cart: Cart, name: string): object => ({
      eventId: `${name} ${cart.cartId}`,
      ...{ identity: cart.person.identity, name },
      properties: { cartId: cart.cartId, product: cart.product, price: cart.price },
    });
    const looking = people.slice(30).map(({ identity }) => ({ identity, name: 'Product Viewed' }));
    await api.must('/v1/events', {
      events: [...carts.map((cart) => event(cart, 'Added To Cart')), ...looking],
    });
    const owners = new Set(carts.map((cart) => cart.person.identity)).size;
    sayWhen(
      `${carts.length} carts are filled by ${owners} people; ${looking.length} others only look around.`,
    );
    const opened = async (): Promise<boolean> => (await statsOf(campaignId)).entered === carts.length;
    await patiently('the triggers', opened, OPENING_MS);

    const again = carts.filter((cart) => cart.repeated).map((cart) => event(cart, 'Added To Cart'));
    const bought = carts.filter((cart) => cart.bought).map((cart) => event(cart, 'Charged'));
    const repeats = again.map((one) => ({ ...one, eventId: 'Added To Cart again' }));
    await api.must('/v1/events', { events: [...repeats, ...bought] });
    if (performance.now() - startedAt > WINDOW_SECONDS * 1000) {
      faults.push(`too slow    the purchases came after the window of ${WINDOW_SECONDS} s; try again`);
    }
    sayWhen(
      `${bought.length} carts are bought in time, one of them by somebody with two; ${left.length} are left.`,
    );
    sayWhen('One is filled a second time, which counts for nothing while its trigger is open.');
  }

  /** Until every message is settled: from then on nothing more is sent. */
  async function settle(cart: string, news: string): Promise<void> {
    await patiently('every trigger to be settled', async () => {
      const { entered, inWindow, waiting } = await statsOf(cart);
      return entered === carts.length && inWindow === 0 && waiting === 0;
    });
    await patiently('the run to be completed', async () => (await statusOf(news)) === 'completed');
  }

  /** Every third notification is clicked, every fifth of the others dismissed. @returns how many of each */
  async function answer(): Promise<Record<'cart' | 'news', { clicked: number; dismissed: number }>> {
    const counts = { cart: { clicked: 0, dismissed: 0 }, news: { clicked: 0, dismissed: 0 } };
    for (const [i, one] of received.entries()) {
      const count = one.title === 'New in the shop' ? counts.news : counts.cart;
      if (i % 3 === 0) {
        count.clicked += 1;
        await one.browser.click(one.shown);
      } else if (i % 5 === 0) {
        count.dismissed += 1;
        await one.browser.dismiss(one.shown);
      }
    }
    return counts;
  }

  async function checkFigures(
    ids: Record<'cart' | 'news', string>,
    clicks: Awaited<ReturnType<typeof answer>>,
  ): Promise<{ campaigns: StoryEnd['campaigns']; faults: string[] }> {
    const shownOf = (texts: Delivery[]): number => {
      const titles = new Set(texts.map((one) => one.title));
      return received.filter((one) => titles.has(one.title)).length;
    };
    const common = { waiting: 0, inWindow: 0, failed: {}, suppressed: {} };
    const bought = carts.length - left.length;
    const receiptsOf = (which: 'cart' | 'news'): Figures => {
      const shown = shownOf(expected[which]);
      return { delivered: shown, viewed: shown, ...clicks[which] };
    };
    const wanted: { name: string; id: string; figures: Figures }[] = [
      {
        ...{ name: 'Abandoned cart', id: ids.cart },
        figures: {
          ...{ entered: carts.length, qualified: left.length, sent: left.length },
          ...{ notQualified: { inactionMet: bought }, ...common, ...receiptsOf('cart') },
        },
      },
      {
        ...{ name: 'New arrivals', id: ids.news },
        figures: {
          ...{ entered: people.length, qualified: people.length, sent: people.length },
          ...{ notQualified: {}, ...common, ...receiptsOf('news') },
        },
      },
    ];
    const campaigns: StoryEnd['campaigns'] = [];
    const wrong: string[] = [];
    for (const { name, id, figures } of wanted) {
      const stats = await statsOf(id);
      campaigns.push({ name, stats });
      wrong.push(...figureFaults(name, figures, stats));
    }
    return { campaigns, faults: wrong };
  }

  /** What the push service took for browsers of ours and has not given them. */
  function heldBack(visitors: Map<string, Visitor>): Delivery[] {
    return push.received().flatMap((one) => {
      const visitor = visitors.get(one.endpoint);
      if (!visitor || one.state !== 'pending') return [];
      const { notification } = JSON.parse(one.payload) as { notification: { title: string; body: string } };
      return [deliveryTo(visitor.person, notification)];
    });
  }

  async function workflowsOf(cart: string, news: string): Promise<StoryEnd['workflows']> {
    const runs = (await api.get(`/v1/campaigns/${news}/runs`)).body as { data: { workflowId: string }[] };
    const sent = (await api.get(`/v1/campaigns/${cart}/messages?limit=1&state=sent`)).body as typeof runs;
    const bought = (await api.get(`/v1/campaigns/${cart}/messages?limit=1&state=suppressed`))
      .body as typeof runs;
    const first = (what: string, list: typeof runs): StoryEnd['workflows'] =>
      list.data.slice(0, 1).map(({ workflowId }) => ({ what, workflowId }));
    return [
      { what: 'campaign', workflowId: `campaign/${cart}` },
      ...first('run', runs),
      ...first('trigger, sent', sent),
      ...first('trigger, bought', bought),
    ];
  }
}

function secondsSince(ms: number): string {
  return `${((performance.now() - ms) / 1000).toFixed(1).padStart(6)} s`;
}

function deliveryTo(person: Person, { title, body }: { title: string; body: string }): Delivery {
  return { to: person.identity, who: whoOf(person), title, body };
}

function whoOf({ name, city }: Person): string {
  return `${name}, ${city}`;
}
