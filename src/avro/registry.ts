/** Schemas by id and subject, from a registry of Confluent's API or from one recorded as files. */

import type { Clock, Random } from '../base/index.ts';
import { openStore } from '../store/index.ts';
import { parseAvroSchema } from './parse-schema.ts';
import type { RegistryApi, SchemaAnswer, SchemaReference } from './registry-api.ts';
import { badUrl, unknownId, unknownVersion } from './registry-errors.ts';
import { fileRegistry } from './registry-files.ts';
import { httpRegistry, type RegistryAuth } from './registry-http.ts';
import { schemaTooLarge } from './errors.ts';
import type { AvroSchema } from './types.ts';

export interface RegistryOptions {
  /**
   * `http://` or `https://`, with the path below which the API is (Apicurio: `/apis/ccompat/v7`), and possibly with
   * `user:password@`; or `file:///folder` of a recorded registry.
   */
  readonly url: string;
  /** Default: that of the URL, or none. */
  readonly auth?: RegistryAuth;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: that of Node. */
  readonly fetch?: typeof fetch;
  /** Of one request; default 10,000. */
  readonly timeoutMs?: number;
}

export interface RegisteredSchema {
  readonly id: number;
  readonly version: number;
  readonly schema: AvroSchema;
}

/**
 * Errors of every verb: `REGISTRY_UNAVAILABLE` (unavailable) after some tries, `REGISTRY_DENIED` (invalid),
 * `REGISTRY_BAD_ANSWER` (data); of schemas: `REGISTRY_NOT_AVRO` (unsupported), and those of `parseAvroSchema`. Messages never
 * hold credentials.
 */
export interface SchemaRegistry {
  /** Its address, without credentials. */
  readonly name: string;
  /** Asked once for each id. Errors: `REGISTRY_UNKNOWN_ID` (data), which is asked again only after 10 seconds. */
  schemaById(id: number, signal?: AbortSignal): Promise<AvroSchema>;
  /** The newest version of a subject. Errors: `REGISTRY_UNKNOWN_SUBJECT` (invalid). */
  latest(subject: string, signal?: AbortSignal): Promise<RegisteredSchema>;
  /** The id of a schema, as JSON text, where it is a version of the subject; else null. */
  lookup(subject: string, text: string, signal?: AbortSignal): Promise<number | null>;
  /**
   * Makes a schema, as JSON text, a version of the subject where it is none yet, and answers its id. Errors:
   * `REGISTRY_INCOMPATIBLE`, `REGISTRY_BAD_SCHEMA` (invalid); of a recorded registry those of `parseAvroSchema`.
   */
  register(subject: string, text: string, signal?: AbortSignal): Promise<number>;
}

const TIMEOUT_MS = 10_000;
/** Ids stand in messages, where anything may stand: what they are known for is bounded. */
const IDS_MAX = 10_000;
const UNKNOWN_ID_MS = 10_000;
const REFERENCES_MAX = 200;

/** No request is made yet. Errors: `REGISTRY_BAD_URL` (invalid). */
export function openRegistry(options: RegistryOptions): SchemaRegistry {
  return new CachedRegistry(apiOf(options), options.clock);
}

function apiOf(options: RegistryOptions): RegistryApi {
  const { clock, random } = options;
  const url = URL.parse(options.url);
  if (url === null) throw badUrl('the address is not a URL');
  if (url.protocol === 'file:') return fileRegistry(openStore(url.href, { clock, random }));
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw badUrl(`"${url.protocol}" is not a kind of registry`);
  }
  if (url.search !== '' || url.hash !== '') throw badUrl('the address has a query or a fragment');
  return httpRegistry(url.origin + url.pathname.replace(/\/+$/, ''), {
    clock,
    random,
    auth: options.auth ?? authOf(url),
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  });
}

function authOf({ username, password }: URL): RegistryAuth | null {
  if (username === '') return null;
  try {
    const [name, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
    return { kind: 'basic', username: name, password: secret };
  } catch {
    // What is wrong is not said: it would be the password.
    throw badUrl('the credentials of the address are not percent-encoded');
  }
}

class CachedRegistry implements SchemaRegistry {
  readonly #api: RegistryApi;
  readonly #clock: Clock;
  readonly #known = new Map<number, Promise<AvroSchema>>();
  readonly #unknownUntil = new Map<number, number>();

  constructor(api: RegistryApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  get name(): string {
    return this.#api.name;
  }

  schemaById(id: number, signal?: AbortSignal): Promise<AvroSchema> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const asked = this.#ask(id, signal);
    remember(this.#known, id, asked);
    // What failed is asked again; whoever asked now gets the error.
    asked.catch(() => this.#known.delete(id));
    return asked;
  }

  async latest(subject: string, signal?: AbortSignal): Promise<RegisteredSchema> {
    const answer = await this.#api.byVersion(subject, 'latest', signal);
    if (answer === null) throw unknownVersion(this.name, subject, 'latest');
    const { id, version } = answer;
    return { id, version, schema: await this.#parse(answer, signal) };
  }

  lookup(subject: string, text: string, signal?: AbortSignal): Promise<number | null> {
    return this.#api.lookup(subject, text, signal);
  }

  async register(subject: string, text: string, signal?: AbortSignal): Promise<number> {
    return this.#api.register(subject, text, signal);
  }

  async #ask(id: number, signal: AbortSignal | undefined): Promise<AvroSchema> {
    const until = this.#unknownUntil.get(id);
    if (until !== undefined && this.#clock.now() < until) throw unknownId(this.name, id);
    const answer = await this.#api.byId(id, signal);
    if (answer === null) {
      remember(this.#unknownUntil, id, this.#clock.now() + UNKNOWN_ID_MS);
      throw unknownId(this.name, id);
    }
    return this.#parse(answer, signal);
  }

  async #parse(answer: SchemaAnswer, signal: AbortSignal | undefined): Promise<AvroSchema> {
    const references = new Map<string, string>();
    const waiting: SchemaReference[] = [...answer.references];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, subject, version } = next;
      if (references.has(name)) continue;
      if (references.size === REFERENCES_MAX) throw schemaTooLarge('references', REFERENCES_MAX);
      const referred = await this.#api.byVersion(subject, version, signal);
      if (referred === null) throw unknownVersion(this.name, subject, version);
      references.set(name, referred.text);
      waiting.push(...referred.references);
    }
    return parseAvroSchema(answer.text, { references });
  }
}

/** The oldest goes where there are too many. */
function remember<T>(map: Map<number, T>, id: number, value: T): void {
  const { value: oldest } = map.keys().next();
  if (oldest !== undefined && map.size >= IDS_MAX) map.delete(oldest);
  map.set(id, value);
}
