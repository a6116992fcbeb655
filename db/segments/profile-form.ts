import { Schema, type Connection } from 'mongoose';

/** Raised when what segments read of profiles is written in another form, or put in another place. */
const FORM = 1;
/** Indexes of earlier forms. */
const INDEXES_OF_OLD = ['latest'];
const INDEX_NOT_FOUND = 27;

interface FormDoc {
  _id: string;
  /** That of all profiles. */
  form?: number;
  /** Up to which profile they are already in a later one. */
  upTo?: { form: number; id: string };
}

const formSchema = new Schema<FormDoc>(
  { _id: { type: String, required: true }, form: Number, upTo: { form: Number, id: String } },
  { collection: 'forms', versionKey: false },
);

/** In which form the profiles of this database hold what segments read. */
export interface ProfileForm {
  /** Whether it is today's; a database without profiles is in it from the start. */
  isCurrent(): Promise<boolean>;
  /** @returns the last profile of those that somebody already wrote in it, by id; empty when nobody began */
  writtenUpTo(): Promise<string>;
  /** Notes that those up to here are, so that the next one to try goes on from it. */
  wroteUpTo(id: string): Promise<void>;
  /** Notes that it is, and takes away what only an earlier one needed. */
  written(): Promise<void>;
}

export function createProfileForm(connection: Connection): ProfileForm {
  const forms = connection.model<FormDoc>('Form', formSchema).collection;
  const profiles = connection.collection('profiles');

  async function written(): Promise<void> {
    for (const name of INDEXES_OF_OLD) {
      await profiles.dropIndex(name).catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== INDEX_NOT_FOUND) throw error;
      });
    }
    await note({ $set: { form: FORM }, $unset: { upTo: '' } });
  }

  async function note(change: object): Promise<void> {
    await forms.updateOne({ _id: 'profiles' as never }, change, { upsert: true });
  }

  return {
    written,

    wroteUpTo: (id) => note({ $set: { upTo: { form: FORM, id } } }),

    async writtenUpTo() {
      const doc = (await forms.findOne({ _id: 'profiles' as never })) as FormDoc | null;
      return doc?.upTo?.form === FORM ? doc.upTo.id : '';
    },

    async isCurrent() {
      const doc = await forms.findOne({ _id: 'profiles' as never });
      if (doc?.form === FORM) return true;
      if ((await profiles.findOne({}, { projection: { _id: 1 } })) !== null) return false;
      await written();
      return true;
    },
  };
}
