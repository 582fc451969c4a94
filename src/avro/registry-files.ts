/**
 * A registry recorded as files: the answers of Confluent's API, each at its path below a folder:
 * `schemas/ids/1.json`, `subjects/<subject>/versions/1.json`, and `versions/latest.json` where versions have no numbers.
 */

import {
  isDeltaError,
  type JsonValue,
  messageOf,
  parseJson,
  present,
  printJson,
} from '../base/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { parseAvroSchema } from './parse-schema.ts';
import {
  readSchema,
  readVersion,
  type RegistryApi,
  type SchemaAnswer,
  type VersionAnswer,
} from './registry-api.ts';
import { badAnswer, unavailable } from './registry-errors.ts';

/** Numbers that others take while one is looked for. */
const RACES_MAX = 100;

export function fileRegistry(store: ObjectStore): RegistryApi {
  return new FileRegistry(store);
}

class FileRegistry implements RegistryApi {
  readonly name: string;
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.name = store.uri;
    this.#store = store;
  }

  async byId(id: number): Promise<SchemaAnswer | null> {
    const path = idPath(id);
    const answer = await this.#read(path);
    return answer === null ? null : readSchema(this.#call(path), answer);
  }

  async byVersion(subject: string, version: number | 'latest'): Promise<VersionAnswer | null> {
    if (version !== 'latest') return this.#readVersion(versionPath(subject, version));
    const last = (await this.#numbers(versionsFolder(subject))).at(-1);
    return this.#readVersion(versionPath(subject, last ?? 'latest'));
  }

  async lookup(subject: string, text: string): Promise<number | null> {
    for (const version of await this.#versions(subject)) {
      if (isSameSchema(version, text)) return version.id;
    }
    return null;
  }

  async register(subject: string, text: string): Promise<number> {
    parseAvroSchema(text);
    const found = await this.lookup(subject, text);
    if (found !== null) return found;
    const id = await this.#registerId(text);
    for (let race = 0; race < RACES_MAX; race += 1) {
      const versions = await this.#versions(subject);
      if (versions.some((version) => version.id === id)) return id;
      const version = 1 + Math.max(0, ...versions.map((it) => it.version));
      const answer = { subject, version, id, schema: text };
      if (await this.#create(versionPath(subject, version), answer)) return id;
    }
    throw this.#crowded(versionsFolder(subject));
  }

  /** The id of the schema, which it has in all subjects. */
  async #registerId(text: string): Promise<number> {
    for (let race = 0; race < RACES_MAX; race += 1) {
      const ids = await this.#numbers('schemas/ids');
      for (const id of ids) {
        const known = present(await this.byId(id), 'a schema that was listed');
        if (isSameSchema(known, text)) return id;
      }
      const id = 1 + (ids.at(-1) ?? 0);
      if (await this.#create(idPath(id), { schema: text })) return id;
    }
    throw this.#crowded('schemas/ids');
  }

  async #versions(subject: string): Promise<readonly VersionAnswer[]> {
    const found: VersionAnswer[] = [];
    for (const version of [...(await this.#numbers(versionsFolder(subject))), 'latest'] as const) {
      const answer = await this.#readVersion(versionPath(subject, version));
      if (answer !== null) found.push(answer);
    }
    return found;
  }

  async #readVersion(path: string): Promise<VersionAnswer | null> {
    const answer = await this.#read(path);
    return answer === null ? null : readVersion(this.#call(path), answer);
  }

  /** Those of the files `<number>.json` of a folder, rising. */
  async #numbers(folder: string): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const { path } of this.#store.list(folder)) {
      const [, number] = /\/(\d{1,10})\.json$/.exec(path) ?? [];
      if (number !== undefined) found.push(Number(number));
    }
    return found.sort((left, right) => left - right);
  }

  async #read(path: string): Promise<JsonValue> {
    let bytes: Uint8Array;
    try {
      ({ bytes } = await this.#store.get(path));
    } catch (error) {
      if (isDeltaError(error, 'STORE_NOT_FOUND')) return null;
      throw error;
    }
    try {
      return parseJson(Buffer.from(bytes).toString('utf8'));
    } catch (error) {
      throw badAnswer(this.#call(path), `it is not JSON (${messageOf(error)})`, error);
    }
  }

  /** False where the file is there already. */
  async #create(path: string, answer: JsonValue): Promise<boolean> {
    const bytes = Buffer.from(`${printJson(answer)}\n`);
    return (await this.#store.put(path, bytes, { kind: 'create' })).kind === 'written';
  }

  #crowded(folder: string): Error {
    return unavailable(this.#call(folder), 'others kept taking the next number');
  }

  #call(request: string): { readonly registry: string; readonly request: string } {
    return { registry: this.name, request };
  }
}

function idPath(id: number): string {
  return `schemas/ids/${String(id)}.json`;
}

function versionsFolder(subject: string): string {
  return `subjects/${encodeURIComponent(subject)}/versions`;
}

function versionPath(subject: string, version: number | 'latest'): string {
  return `${versionsFolder(subject)}/${String(version)}.json`;
}

/** Spaces and line breaks do not count. */
function isSameSchema(known: SchemaAnswer, text: string): boolean {
  if (known.text === text) return true;
  return known.references.length === 0 && compact(known.text) === compact(text);
}

function compact(text: string): string {
  try {
    return printJson(parseJson(text));
  } catch {
    // What is not JSON is the same only as it stands.
    return text;
  }
}
