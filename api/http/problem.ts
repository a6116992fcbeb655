/** The catalogue of errors: every code that the API answers with, its status and title (RFC 9457). */
export const PROBLEMS = {
  malformed_json: { status: 400, title: 'The body is not JSON.' },
  invalid_header: { status: 400, title: 'A header is not of the form it must have.' },
  unauthorized: { status: 401, title: 'The API key is missing or not known.' },
  origin_not_allowed: { status: 403, title: 'The web origin is not among those of the site.' },
  other_visitor: { status: 403, title: 'The device was registered by another visitor.' },
  receipt_refused: { status: 403, title: 'The receipt does not carry the token of its message.' },
  not_found: { status: 404, title: 'There is nothing at this address.' },
  method_not_allowed: { status: 405, title: 'The address does not take this method.' },
  wrong_status: { status: 409, title: 'The campaign is not in a status that allows this.' },
  in_use: { status: 409, title: 'Others refer to it; who does is listed.' },
  request_in_progress: { status: 409, title: 'A call with this idempotency key is still under way.' },
  rebuild_in_progress: { status: 409, title: 'The roll-up is being made anew already.' },
  too_many: { status: 409, title: 'There are as many of these as there may be.' },
  body_too_large: { status: 413, title: 'The body is too large.' },
  unsupported_media_type: { status: 415, title: 'The body is not of the type that this call takes.' },
  validation_failed: { status: 422, title: 'The request has faults; each is listed.' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key was used for another request.' },
  not_publishable: {
    status: 422,
    title: 'The campaign cannot be published; what is missing or wrong is listed.',
  },
  too_many_requests: { status: 429, title: 'Too many calls; `Retry-After` says when to come again.' },
  internal_error: { status: 500, title: 'Something went wrong on our side.' },
  secret_key_missing: {
    status: 503,
    title: 'Secrets cannot be kept or read: BECKON_SECRET_KEY is not set, or is another one.',
  },
  segment_too_slow: { status: 503, title: 'The segment could not be judged in time.' },
  unavailable: { status: 503, title: 'The database cannot be reached right now; try again.' },
  workflows_unavailable: {
    status: 503,
    title: 'Temporal or a worker cannot be reached right now; try again.',
  },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** A fault and where it is: a JSON pointer into the body, or `?name` for a query parameter. */
export interface ProblemFault {
  pointer: string;
  detail: string;
}

/** Thrown when a call cannot be carried out; the error middleware answers with it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: ProblemFault[];
  readonly headers: Record<string, string>;
  /** Members of the document beside those that every problem has. */
  readonly more: Record<string, unknown>;

  constructor(
    code: ProblemCode,
    detail?: string,
    errors: ProblemFault[] = [],
    headers: Record<string, string> = {},
    more: Record<string, unknown> = {},
  ) {
    super(detail ?? PROBLEMS[code].title);
    this.name = 'Problem';
    this.code = code;
    this.errors = errors;
    this.headers = headers;
    this.more = more;
  }
}

/** @returns the problem document */
export function problemDocument(problem: Problem): Record<string, unknown> {
  const { status, title } = PROBLEMS[problem.code];
  return {
    type: `/docs/errors#${problem.code}`,
    title,
    status,
    code: problem.code,
    detail: problem.message,
    ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
    ...problem.more,
  };
}
