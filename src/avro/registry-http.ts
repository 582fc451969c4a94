/** A registry that answers by HTTP, as Confluent's and Apicurio's do. */

import {
  type Clock,
  isDeltaError,
  isJsonObject,
  type JsonValue,
  messageOf,
  parseJson,
  printJson,
  type Random,
  retry,
  type RetryOptions,
} from '../base/index.ts';
import { readId, readSchema, readVersion, type RegistryApi } from './registry-api.ts';
import { badAnswer, denied, refused, type RegistryCall, unavailable } from './registry-errors.ts';

export type RegistryAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

export interface HttpRegistryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly auth: RegistryAuth | null;
  readonly fetch: typeof fetch;
  /** Of one request. */
  readonly timeoutMs: number;
}

const RETRY: RetryOptions = { attemptsMax: 4, delayMsMin: 250, delayMsMax: 4000 };
const ANSWER_BYTES_MAX = 16 * 2 ** 20;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
/** "Schema not found", "subject not found", "version not found", and the same of what is softly deleted. */
const NOT_FOUND_CODES: ReadonlySet<JsonValue | undefined> = new Set([
  40401, 40402, 40403, 40404, 40405, 40406,
]);

/** `url` has no credentials, no query, and no slash at its end; its path is kept. */
export function httpRegistry(url: string, options: HttpRegistryOptions): RegistryApi {
  const http = new HttpCalls(url, options);
  const versions = (subject: string): string => `/subjects/${encodeURIComponent(subject)}/versions`;
  return {
    name: url,
    async byId(id, signal) {
      const path = `/schemas/ids/${String(id)}`;
      const answer = await http.get(path, signal);
      return answer === null ? null : readSchema(http.call('GET', path), answer);
    },
    async byVersion(subject, version, signal) {
      const path = `${versions(subject)}/${String(version)}`;
      const answer = await http.get(path, signal);
      return answer === null ? null : readVersion(http.call('GET', path), answer);
    },
    async lookup(subject, text, signal) {
      const path = `/subjects/${encodeURIComponent(subject)}`;
      const answer = await http.post(path, { schema: text }, signal);
      return answer === null ? null : readId(http.call('POST', path), answer);
    },
    async register(subject, text, signal) {
      const path = versions(subject);
      const call = http.call('POST', path);
      const answer = await http.post(path, { schema: text }, signal);
      if (answer === null) throw badAnswer(call, 'it is not found');
      return readId(call, answer);
    },
  };
}

class HttpCalls {
  readonly #url: string;
  readonly #options: HttpRegistryOptions;

  constructor(url: string, options: HttpRegistryOptions) {
    this.#url = url;
    this.#options = options;
  }

  call(verb: 'GET' | 'POST', path: string): RegistryCall {
    return { registry: this.#url, request: `${verb} ${path}` };
  }

  /** Null where the registry says that there is no such thing. */
  get(path: string, signal?: AbortSignal): Promise<JsonValue> {
    return this.#send(this.call('GET', path), path, { method: 'GET' }, signal);
  }

  /** As `get`. All that is posted may be posted twice. */
  post(path: string, body: JsonValue, signal?: AbortSignal): Promise<JsonValue> {
    const init = { method: 'POST', body: printJson(body) };
    return this.#send(this.call('POST', path), path, init, signal);
  }

  #send(
    call: RegistryCall,
    path: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
  ): Promise<JsonValue> {
    const { clock, random } = this.#options;
    const options = signal === undefined ? RETRY : { ...RETRY, signal };
    return retry(clock, random, options, async () => {
      const response = await this.#fetch(call, path, init, signal);
      return answerOf(call, response.status, response.text);
    });
  }

  async #fetch(
    call: RegistryCall,
    path: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      const response = await this.#options.fetch(this.#url + path, {
        ...init,
        headers: { Accept: CONTENT_TYPE, 'Content-Type': CONTENT_TYPE, ...this.#authorization() },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      return { status: response.status, text: await boundedText(call, response) };
    } catch (error) {
      signal?.throwIfAborted();
      if (isDeltaError(error)) throw error;
      throw unavailable(call, networkReason(error), error);
    }
  }

  #authorization(): Record<string, string> {
    const { auth } = this.#options;
    if (auth === null) return {};
    if (auth.kind === 'bearer') return { Authorization: `Bearer ${auth.token}` };
    const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
    return { Authorization: `Basic ${pair}` };
  }
}

async function boundedText(call: RegistryCall, response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of response.body ?? []) {
    sizeBytes += part.length;
    if (sizeBytes > ANSWER_BYTES_MAX) throw badAnswer(call, 'it has more than 16 MiB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** What `fetch` throws says only "fetch failed"; the reason is its cause. */
function networkReason(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  return messageOf(cause ?? error) || 'no reason given';
}

function answerOf(call: RegistryCall, status: number, text: string): JsonValue {
  if (status === 401 || status === 403) throw denied(call, status);
  if (status === 408 || status === 429 || status >= 500) {
    throw unavailable(call, `status ${String(status)}`);
  }
  const answer = jsonOf(call, status, text);
  if (status >= 200 && status < 300) return answer;
  const { error_code: code, message } = isJsonObject(answer) ? answer : {};
  if (status === 404 && NOT_FOUND_CODES.has(code)) return null;
  const reason = typeof message === 'string' ? message.slice(0, 500) : `status ${String(status)}`;
  if (status === 409 || status === 422) throw refused(call, status === 409, reason);
  throw badAnswer(call, `status ${String(status)}`);
}

function jsonOf(call: RegistryCall, status: number, text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw badAnswer(call, `status ${String(status)}, and no JSON`, error);
  }
}
