import { verify, X509Certificate, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Session } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createLocalhostCertificate } from '../push-service/certificate.ts';
import { KEY_ID, TEAM_ID } from './credentials.ts';

export interface ReceivedApnsPush {
  deviceToken: string;
  headers: IncomingHttpHeaders;
  /** The exact bytes, as text. */
  body: string;
  /** Which connection brought it, counted from 1. */
  connection: number;
  status: number;
}

export type ApnsAnswer = { status: number; reason?: string; body?: string } | 'hang' | 'cut';

export interface ApnsService {
  host: 'localhost';
  port: number;
  /** The PEM certificate that a client has to trust. */
  ca: string;
  received(): readonly ReceivedApnsPush[];
  /** The next pushes are answered so, one each; then 200 again. */
  answer(...answers: ApnsAnswer[]): void;
  /** Holds every answer back until the function given back is called. */
  hold(): () => void;
  /** Most requests that were under way at once. */
  most(): number;
  connections(): { open: number; total: number };
  /** Asks clients to go away, as Apple does before maintenance. */
  goAway(): void;
  close(): Promise<void>;
}

export interface ApnsServiceOptions {
  /** What verifies provider tokens. */
  tokenKey?: KeyObject;
  /** PEM of the client certificate that is good enough instead. */
  clientCertificate?: string;
  maxConcurrentStreams?: number;
}

const HOUR_S = 3_600;

/** Apple's provider API on loopback: HTTP/2 over TLS, with provider tokens and certificates checked by hand. */
export async function startApnsService(options: ApnsServiceOptions): Promise<ApnsService> {
  const tls = await createLocalhostCertificate();
  const server = createSecureServer({
    ...tls,
    requestCert: true,
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams: options.maxConcurrentStreams ?? 1_000 },
  });
  const sessions = new Map<ServerHttp2Session, number>();
  const received: ReceivedApnsPush[] = [];
  const planned: ApnsAnswer[] = [];
  let total = 0;
  let underWay = 0;
  let most = 0;
  let held: Promise<void> | undefined;

  server.on('session', (session) => {
    sessions.set(session, (total += 1));
    session.on('error', () => undefined);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    void serve(stream, headers);
  });

  async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    underWay += 1;
    most = Math.max(most, underWay);
    stream.once('close', () => (underWay -= 1));
    const connection = sessions.get(stream.session as ServerHttp2Session) ?? 0;
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const refusal = refusalOf(headers, (stream.session as ServerHttp2Session).socket as TLSSocket);
    const answer = refusal ?? planned.shift() ?? { status: 200 };
    const match = /^\/3\/device\/([0-9a-f]+)$/.exec(headers[':path'] ?? '');
    received.push({
      deviceToken: match?.[1] ?? '',
      headers,
      body: Buffer.concat(chunks).toString(),
      connection,
      status: typeof answer === 'string' ? 0 : answer.status,
    });
    await held;
    if (answer === 'hang') return;
    if (answer === 'cut') {
      stream.session?.destroy();
      return;
    }
    stream.respond({ ':status': answer.status, 'apns-id': '00000000-0000-4000-8000-000000000000' });
    stream.end(answer.body ?? (answer.reason === undefined ? '' : JSON.stringify({ reason: answer.reason })));
  }

  function refusalOf(headers: IncomingHttpHeaders, socket: TLSSocket): ApnsAnswer | null {
    const bearer = /^bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined) {
      return options.tokenKey && isToken(bearer, options.tokenKey)
        ? null
        : { status: 403, reason: 'InvalidProviderToken' };
    }
    const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
    if (raw === undefined) return { status: 403, reason: 'MissingProviderToken' };
    const wanted = options.clientCertificate;
    return wanted !== undefined && new X509Certificate(wanted).raw.equals(raw)
      ? null
      : { status: 403, reason: 'BadCertificate' };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: 'localhost',
    port: (server.address() as AddressInfo).port,
    ca: tls.cert,
    received: () => received,
    answer: (...answers) => void planned.push(...answers),
    hold() {
      let release = (): void => undefined;
      held = new Promise<void>((resolve) => (release = resolve));
      return () => {
        held = undefined;
        release();
      };
    },
    most: () => most,
    connections: () => ({ open: sessions.size, total }),
    goAway() {
      for (const session of sessions.keys()) session.close();
    },
    async close() {
      for (const session of sessions.keys()) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** ES256 by hand (RFC 7515, RFC 7518): header, claims, and the signature as r and s side by side. */
function isToken(token: string, key: KeyObject): boolean {
  const [head = '', claims = '', signature = ''] = token.split('.');
  const read = (part: string) =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  const { alg, kid } = read(head);
  const { iss, iat } = read(claims);
  const age = Date.now() / 1_000 - Number(iat);
  return (
    alg === 'ES256' &&
    kid === KEY_ID &&
    iss === TEAM_ID &&
    age > -60 &&
    age < HOUR_S &&
    verify(
      'sha256',
      Buffer.from(`${head}.${claims}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    )
  );
}
