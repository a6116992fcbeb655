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
  /** How far they are already in a later one. */
  begun?: Begun & { form: number };
}

const formSchema = new Schema<FormDoc>(
  { _id: { type: String, required: true }, form: Number, begun: Object },
  { collection: 'forms', versionKey: false },
);

/** Writing them in today's form, as far as it is. */
export interface Begun {
  /** Of the last profile that is written, by id. */
  upTo: string;
  /** How many are. */
  count: number;
  /** When it began. Whoever stored anything since did so in the form of before. */
  since: Date;
}

/** In which form the profiles of this database hold what segments read. */
export interface ProfileForm {
  /** Whether it is today's; a database without profiles is in it from the start. */
  isCurrent(): Promise<boolean>;
  /** @returns how far somebody came who did not come to the end */
  begun(): Promise<Begun | null>;
  /** Notes how far it is, so that the next one to try goes on from there. */
  note(begun: Begun): Promise<void>;
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
    await update({ $set: { form: FORM }, $unset: { begun: '' } });
  }

  async function update(change: object): Promise<void> {
    await forms.updateOne({ _id: 'profiles' as never }, change, { upsert: true });
  }

  return {
    written,

    note: (begun) => update({ $set: { begun: { form: FORM, ...begun } } }),

    async begun() {
      const doc = (await forms.findOne({ _id: 'profiles' as never })) as FormDoc | null;
      return doc?.begun?.form === FORM ? doc.begun : null;
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
