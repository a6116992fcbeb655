import type { ActiveLiveCampaign } from '../../domain/campaign/campaign.ts';
import { namesOfAll } from '../../domain/campaign/live-versions.ts';
import type { CatalogueRepository } from '../../domain/ports/campaigns.ts';
import type { Log } from '../../domain/ports/services.ts';

/** Which active campaigns an event name concerns, as of one version of the catalogue. */
export interface View {
  version: number;
  byEvent: ReadonlyMap<string, readonly ActiveLiveCampaign[]>;
}

/** Keeps a view of the active campaigns and proves it current when asked. */
export interface Matcher {
  /**
   * A view that holds every campaign published before this call began.
   * Calls that wait at the same time share one proof, which begins after each of them did.
   *
   * @returns null when it cannot be proved: then every event must be taken as pending
   */
  current(): Promise<View | null>;
  close(): Promise<void>;
}

/** @param catalogue read for a proof; its change stream only makes the view ready before it is asked for */
export function createMatcher(catalogue: CatalogueRepository, log: Log): Matcher {
  let view: View = { version: -1, byEvent: new Map() };
  let running: Promise<View | null> | null = null;
  let next: Promise<View | null> | null = null;

  async function prove(): Promise<View | null> {
    try {
      if ((await catalogue.version()) !== view.version) {
        const { version, campaigns } = await catalogue.load();
        view = { version, byEvent: index(campaigns) };
      }
      return view;
    } catch (error) {
      log.warn({ err: error }, 'the view of active campaigns cannot be proved current');
      return null;
    }
  }

  function current(): Promise<View | null> {
    // A proof under way may have read before this call began, so it does not count for it.
    if (running) {
      next ??= running.then(() => {
        next = null;
        return begin();
      });
      return next;
    }
    return begin();
  }

  function begin(): Promise<View | null> {
    const proof = prove().finally(() => {
      if (running === proof) running = null;
    });
    running = proof;
    return proof;
  }

  const unwatch = catalogue.watch(() => void current());
  return { current, close: unwatch };
}

function index(campaigns: ActiveLiveCampaign[]): Map<string, ActiveLiveCampaign[]> {
  const byEvent = new Map<string, ActiveLiveCampaign[]>();
  for (const campaign of campaigns) {
    for (const name of namesOfAll(campaign)) {
      const list = byEvent.get(name);
      if (list) list.push(campaign);
      else byEvent.set(name, [campaign]);
    }
  }
  return byEvent;
}
