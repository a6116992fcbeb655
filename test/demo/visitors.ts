import type { ApiClient } from '../support/api-client.ts';
import type { PushService } from '../support/push-service/push-service.ts';
import { createBrowsers, type DemoBrowser, type Shown } from './browser.ts';
import type { Person } from './people.ts';

/** A person with a browser that is subscribed to the demo's site. */
export interface Visitor {
  person: Person;
  browser: DemoBrowser;
  endpoint: string;
}

/**
 * Makes the site, a profile for each person and a subscribed browser for each profile.
 *
 * @param options.run a property of each profile, by which segments tell this demo from others
 * @param options.onShown called when a browser shows a notification
 * @returns the site's id and the visitors by endpoint
 */
export async function subscribeEverybody(options: {
  api: ApiClient;
  push: PushService;
  run: string;
  people: Person[];
  onShown: (person: Person, shown: Shown, browser: DemoBrowser) => void;
  onRefused: (fault: string) => void;
}): Promise<{ siteId: string; visitors: Map<string, Visitor> }> {
  const { api, push, run, people } = options;
  const site = (await api.must('/v1/sites', { name: 'Demo shop', origins: ['https://shop.example'] })) as {
    id: string;
    vapid: { publicKey: string };
  };
  await api.must('/v1/profiles', {
    profiles: people.map(({ identity, name, city, timezone, country }) => ({
      ...{ identity, name, timezone, country },
      properties: { demo: run, city },
    })),
  });
  const script = await api.get('/service-worker.js');
  const browserWith = createBrowsers(String(script.body), options.onRefused);
  const visitors = new Map<string, Visitor>();
  await Promise.all(
    people.map(async (person) => {
      const { endpoint, keys } = push.subscribe({ vapidPublicKey: site.vapid.publicKey });
      const { identity, timezone, country } = person;
      await api.must('/v1/subscriptions', {
        ...{ siteId: site.id, identity, timezone, country, transport: 'vapid' },
        ...{ browserType: 'Firefox', platformName: 'Linux' },
        pushSubscription: { endpoint, expirationTime: null, keys },
      });
      const browser: DemoBrowser = browserWith((shown) => options.onShown(person, shown, browser));
      visitors.set(endpoint, { person, browser, endpoint });
    }),
  );
  return { siteId: site.id, visitors };
}
