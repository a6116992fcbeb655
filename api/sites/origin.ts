import { z } from 'zod';

const isOrigin = (value: string, allows: (url: URL) => boolean): boolean => {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return url.origin === value && allows(url);
};

/** A web origin, https but for this machine. */
export const origin = z
  .string()
  .max(300)
  .refine(
    (value) =>
      isOrigin(value, ({ protocol, hostname }) => {
        const local = hostname === 'localhost' || hostname === '127.0.0.1';
        return protocol === 'https:' || (protocol === 'http:' && local);
      }),
    'must be a web origin such as https://shop.example, without path',
  );

export const httpsOrigin = z
  .string()
  .max(300)
  .refine(
    (value) => isOrigin(value, ({ protocol }) => protocol === 'https:'),
    'must be a web origin such as https://shop.example, without path',
  );
