import type { NextFunction, Request, Response } from 'express';
import { Problem } from './problem.ts';

/** @returns a check of what the headers say about a body that is read as it comes */
export function requireStream({ type, maxBytes }: { type: string; maxBytes: number }) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    const given = request.headers['content-type'] ?? 'no Content-Type';
    const charset = /;\s*charset=\s*"?([^\s";]+)/i.exec(given)?.[1] ?? 'utf-8';
    if (given.split(';')[0]?.trim().toLowerCase() !== type || !/^utf-?8$/i.test(charset)) {
      throw new Problem('unsupported_media_type', `send the body as ${type} in UTF-8; got ${given}`);
    }
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      throw new Problem(
        'unsupported_media_type',
        `send the body unpacked; got Content-Encoding: ${encoding}`,
      );
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    next();
  };
}

/**
 * Reads a body piece by piece. A piece is asked for when the one before was dealt with, so that memory stays
 * bounded however fast the sender is.
 *
 * @throws Problem `body_too_large` once there is more than `maxBytes`
 */
export async function* streamOf(request: Request, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    // Leaving early must not destroy the connection: the answer still goes over it.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      bytes += (piece as Uint8Array).length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      yield piece as Uint8Array;
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('malformed_json', 'the body broke off');
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('body_too_large', `the body is larger than ${Math.floor(maxBytes / 1_000_000)} MB`);
}
