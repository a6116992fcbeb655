import { z } from 'zod';

const base64url = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be unpadded base64url');

/** A key pair that is brought along. */
export const vapidInput = z.strictObject({ publicKey: base64url, privateKey: base64url });
