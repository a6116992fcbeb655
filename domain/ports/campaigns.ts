import type {
  ActiveLiveCampaign,
  Campaign,
  CampaignDefinition,
  CampaignStatus,
  Channel,
} from '../campaign/campaign.ts';
import type { AccountSettings } from '../campaign/settings.ts';

export interface CampaignFilter {
  status?: CampaignStatus | undefined;
  label?: string | undefined;
  channel?: Channel | undefined;
  /** Absent: those that are archived and those that are not. */
  archived?: boolean | undefined;
}

/** A definition holds what it refers to: writing and publishing throw {@link UnknownReference} or {@link SegmentTooLarge}. */
export interface CampaignRepository {
  /** @returns the campaign with this id; one that is there already is left as it is */
  create(id: string, definition: CampaignDefinition): Promise<Campaign>;
  byId(id: string): Promise<Campaign | null>;
  list(filter: CampaignFilter, after: string | null, limit: number): Promise<Campaign[]>;
  /** Replaces a draft. @returns null when it is not a draft any more */
  replaceDraft(id: string, definition: CampaignDefinition): Promise<Campaign | null>;
  deleteDraft(id: string): Promise<boolean>;
  /** Puts a draft or a campaign that is over away, or brings it back. @returns null in another status */
  setArchived(id: string, archived: boolean): Promise<Campaign | null>;
  /**
   * Freezes a version and makes it active, in one transaction with the catalogue.
   * @returns null when it is no draft any more, or was changed since `judged`, its `updatedAt`
   */
  publish(
    id: string,
    plan: { judged: Date; startsAt: Date | 'now'; endsAt?: Date | undefined },
  ): Promise<Campaign | null>;
  /**
   * Freezes another version of a published campaign and makes it the current one, in one transaction with the
   * catalogue. What its earlier versions refer to stays held. Repeating it with the same `editId` changes nothing.
   * @returns null when it was changed since `judged`, its `updatedAt`, or is over
   */
  edit(id: string, plan: EditPlan): Promise<Campaign | null>;
  /** Notes that its workflow knows of this version. */
  told(campaign: Pick<Campaign, 'id' | 'updatedAt'>): Promise<void>;
  /** @returns the versions of a campaign after one, in order */
  versions(id: string, after: number, limit: number): Promise<CampaignVersion[]>;
  /** Compare-and-set of the status, in one transaction with the catalogue. */
  changeStatus(id: string, from: CampaignStatus[], to: CampaignStatus): Promise<Campaign | null>;
  /**
   * Marks a campaign as completed whose end has come, or whose schedule, of this version, has nothing more to do.
   * @returns whether it is
   */
  complete(id: string, version: number | null): Promise<boolean>;
  version(id: string, version: number): Promise<CampaignDefinition | null>;
  /**
   * Makes a variant the one that alone is sent from now on, unless the contest has a winner already.
   * @returns the one that is
   */
  setWinner(id: string, contest: string, variant: string): Promise<string>;
  /** Marks a campaign as done with: nothing of it is open any more. */
  finish(id: string): Promise<void>;
  /** Published campaigns that are not done with: their workflow must be there. */
  unfinished(after: string | null, limit: number): Promise<Campaign[]>;
}

/** A definition as it was frozen. */
export interface CampaignVersion {
  version: number;
  publishedAt: Date;
  definition: CampaignDefinition;
}

export interface EditPlan {
  editId: string;
  judged: Date;
  definition: CampaignDefinition;
  /** Absent: it has begun, and keeps its start. */
  startsAt?: Date | 'now' | undefined;
  endsAt?: Date | undefined;
  /** The schedule of a campaign that has begun is another one. */
  rescheduled: boolean;
}

export interface CatalogueRepository {
  version(): Promise<number>;
  load(): Promise<{ version: number; campaigns: ActiveLiveCampaign[] }>;
  /** Calls back whenever the catalogue may have changed. @returns how to end it */
  watch(onChange: () => void): () => Promise<void>;
}

export interface SettingsRepository {
  read(): Promise<AccountSettings>;
  write(settings: AccountSettings): Promise<void>;
}
