import type { UnreachableReason } from '../../domain/delivery/outcome.ts';

const REASONS: Record<string, UnreachableReason> = {
  ECONNREFUSED: 'connectionRefused',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ECONNRESET: 'connectionReset',
  ECONNABORTED: 'connectionReset',
  EPIPE: 'connectionReset',
  UND_ERR_SOCKET: 'connectionReset',
  // How the HTTP client reports a multiplexed stream that ended before its answer.
  UND_ERR_INFO: 'connectionReset',
  EPROTO: 'tls',
  CERT_HAS_EXPIRED: 'tls',
  CERT_NOT_YET_VALID: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  UNABLE_TO_GET_ISSUER_CERT: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
};

/** Why no answer came, from the error of the HTTP client, of TLS, or of the system. */
export function classifyFailure(error: unknown): UnreachableReason {
  const code = errorCode(error);
  const known = REASONS[code];
  if (known) return known;
  if (code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')) return 'tls';
  if (code.startsWith('ERR_HTTP2_')) return 'connectionReset';
  return 'network';
}

/** A name with several addresses fails with one error for each: the first that says why counts. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return error.errors.map(errorCode).find((code) => code !== '') ?? '';
  return error.cause === undefined ? '' : errorCode(error.cause);
}
