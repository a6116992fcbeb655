import { Schema, type Connection } from 'mongoose';
import type { SettingsRepository } from '../domain/ports/campaigns.ts';
import { DEFAULT_SETTINGS, type AccountSettings } from '../domain/campaign/settings.ts';

interface SettingsDoc extends AccountSettings {
  _id: string;
  updatedAt: Date;
}

/** One document, read by its id. */
const settingsSchema = new Schema<SettingsDoc>(
  {
    _id: { type: String, required: true },
    timezone: { type: String, required: true },
    globalLimits: { type: Schema.Types.Mixed, required: true },
    dnd: Schema.Types.Mixed,
    controlGroup: Schema.Types.Mixed,
    updatedAt: Date,
  },
  { collection: 'settings', versionKey: false, minimize: false },
);

const ACCOUNT = 'account';

export function createSettingsRepository(connection: Connection): SettingsRepository {
  const settings = connection.model<SettingsDoc>('Settings', settingsSchema).collection;
  return {
    async read() {
      const doc = (await settings.findOne({ _id: ACCOUNT as never })) as unknown as SettingsDoc | null;
      if (!doc) return DEFAULT_SETTINGS;
      const { timezone, globalLimits, dnd, controlGroup } = doc;
      return {
        timezone,
        globalLimits,
        ...(dnd ? { dnd } : {}),
        ...(controlGroup ? { controlGroup } : {}),
      };
    },

    async write({ timezone, globalLimits, dnd, controlGroup }) {
      await settings.replaceOne(
        { _id: ACCOUNT as never },
        { timezone, globalLimits, dnd, controlGroup, updatedAt: new Date() },
        { upsert: true },
      );
    },
  };
}
