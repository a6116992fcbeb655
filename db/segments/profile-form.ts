import { Schema, type Connection } from 'mongoose';

/** Raised when what segments read of profiles is written in another form, or put in another place. */
const FORM = 1;
/** Indexes of earlier forms. */
const INDEXES_OF_OLD = ['latest'];
const INDEX_NOT_FOUND = 27;

interface FormDoc {
  _id: string;
  form: number;
}

const formSchema = new Schema<FormDoc>(
  { _id: { type: String, required: true }, form: { type: Number, required: true } },
  { collection: 'forms', versionKey: false },
);

/** In which form the profiles of this database hold what segments read. */
export interface ProfileForm {
  /** Whether it is today's; a database without profiles is in it from the start. */
  isCurrent(): Promise<boolean>;
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
    await forms.updateOne({ _id: 'profiles' as never }, { $set: { form: FORM } }, { upsert: true });
  }

  return {
    written,

    async isCurrent() {
      const doc = await forms.findOne({ _id: 'profiles' as never });
      if (doc?.form === FORM) return true;
      if ((await profiles.findOne({}, { projection: { _id: 1 } })) !== null) return false;
      await written();
      return true;
    },
  };
}
