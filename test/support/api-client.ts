/** A call's answer. `body` is the parsed JSON, of any shape. */
export interface Answer {
  status: number;
  headers: Headers;

  body: any;
}

export interface ApiClient {
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  put(path: string, body?: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  /** Sends a body as it is. */
  raw(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<Answer>;
  /** Posts and expects a 2xx, else throws with the problem. */
  must(path: string, body?: unknown): Promise<Answer['body']>;
  url: string;
}

/** @returns a client of the API with its key in every call */
export function createApiClient(url: string, key: string): ApiClient {
  async function raw(
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text !== '' ? JSON.parse(text) : text,
    };
  }
  const json = (body: unknown): string | undefined => (body === undefined ? undefined : JSON.stringify(body));
  return {
    url,
    raw,
    get: (path) => raw('GET', path),
    post: (path, body, headers) => raw('POST', path, json(body), headers),
    put: (path, body) => raw('PUT', path, json(body)),
    delete: (path) => raw('DELETE', path),
    async must(path, body) {
      const answer = await raw('POST', path, json(body));
      if (answer.status >= 300)
        throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body as unknown;
    },
  };
}
