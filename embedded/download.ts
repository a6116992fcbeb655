import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch } from 'undici';

/** Thrown when a download cannot be had; the message names the address and the reason in one line. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
  /** The answer's status, when there was an answer. */
  readonly status: number | undefined;
  constructor(url: string, reason: string, status?: number) {
    super(`${url}: ${reason}`);
    this.status = status;
  }
}

export interface DownloadOptions {
  /** Called as bytes arrive; `total` is absent when the server does not say. */
  onProgress?: (received: number, total: number | undefined) => void;
  /** Milliseconds to wait for a connection (10,000) … */
  connectTimeoutMs?: number;
  /** … and for the next bytes (30,000). */
  idleTimeoutMs?: number;
}

/**
 * Streams what an address holds into a file, following redirects, through the proxy that HTTPS_PROXY names.
 * An incomplete file does not remain.
 *
 * @throws {DownloadError} on any failure; there is no second try, the caller has other sources.
 */
export async function downloadFile(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  const { onProgress, connectTimeoutMs = 10_000, idleTimeoutMs = 30_000 } = options;
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
  });
  try {
    const response = await fetch(url, { dispatcher, headers: { 'accept-encoding': 'identity' } });
    if (url.startsWith('https:') && !response.url.startsWith('https:')) {
      throw new DownloadError(url, `redirects to ${response.url}, which is not https`);
    }
    if (response.status !== 200 || response.body === null) {
      throw new DownloadError(url, `answered with status ${response.status}`, response.status);
    }
    const header = response.headers.get('content-length');
    const total = header === null ? undefined : Number(header);
    let received = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        onProgress?.(received, total);
        done(null, chunk);
      },
    });
    try {
      await pipeline(Readable.fromWeb(response.body), count, createWriteStream(file));
    } catch (error) {
      throw new DownloadError(
        url,
        `broke off after ${received} of ${total ?? 'an unknown number of'} bytes: ${reasonOf(error)}`,
      );
    }
    if (total !== undefined && received !== total) {
      throw new DownloadError(url, `gave ${received} of ${total} bytes`);
    }
  } catch (error) {
    await rm(file, { force: true });
    throw error instanceof DownloadError ? error : new DownloadError(url, reasonOf(error));
  } finally {
    await dispatcher.destroy();
  }
}

/** "fetch failed" says nothing; what failed is in the cause, or in the first of several. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

/** Shows a download as `42 % of 78 MB`. */
export function describeDownload(received: number, total: number | undefined): string {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1_000_000)} MB`;
  if (total === undefined || total === 0) return megabytes(received);
  return `${Math.floor((100 * received) / total)} % of ${megabytes(total)}`;
}
