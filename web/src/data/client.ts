// Asks the server. Every request goes to the origin of the page and carries the session's token and tenant.
import {identity, token, tokenWanted} from '../session';

/** A refusal: what the problem document says (RFC 9457). Status 0: the server was not reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly pointer = '', // where in what was sent
  ) {
    super(detail || title);
  }
}

export interface Answer<T> {
  body: T;
  headers: Headers;
  status: number;
}

/** An answer whose body is still to be read. */
async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {...init, headers: {...identity(), ...init.headers}});
  } catch (fault) {
    if ((fault as Error).name === 'AbortError') throw fault;
    throw new Problem(0, '', '');
  }
  if (response.status === 401 || (response.status === 403 && !token.peek())) tokenWanted.value = true;
  if (!response.ok) {
    const told = (await response.json().catch(() => ({}))) as {title?: string; detail?: string; pointer?: string};
    throw new Problem(response.status, told.title ?? response.statusText, told.detail ?? '', told.pointer);
  }
  return response;
}

export async function ask<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const response = await send(path, {...init, headers: {Accept: 'application/json', ...init.headers}});
  const text = await response.text();
  return {body: (text ? JSON.parse(text) : null) as T, headers: response.headers, status: response.status};
}

/** What is read as it comes. */
export async function open(path: string, init: RequestInit = {}): Promise<{body: ReadableStream<Uint8Array>; headers: Headers}> {
  const response = await send(path, init);
  return {body: response.body!, headers: response.headers};
}

export async function get<T>(path: string, init?: RequestInit): Promise<T> {
  return (await ask<T>(path, init)).body;
}

/** `/path?a=b` of what is not empty, readable: what a query may hold stays as it is written. */
export function address(path: string, parameters: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => name + '=' + encode(String(value)));
  return pairs.length ? path + '?' + pairs.join('&') : path;
}

function encode(value: string): string {
  return encodeURIComponent(value).replace(/%(2C|3A|3B|2F|3D|7E|24|40|21|28|29|2A)/g, (escaped) => decodeURIComponent(escaped));
}
