/** What registries are asked, and their answers: Confluent's API, which files may hold as well. */

import { isJsonObject, type JsonValue } from '../base/index.ts';
import { badAnswer, notAvro, type RegistryCall } from './registry-errors.ts';

export interface RegistryApi {
  /** Without credentials. */
  readonly name: string;
  /** Null where there is none of this id. */
  byId(id: number, signal?: AbortSignal): Promise<SchemaAnswer | null>;
  /** Null where there is no such subject or version. */
  byVersion(
    subject: string,
    version: number | 'latest',
    signal?: AbortSignal,
  ): Promise<VersionAnswer | null>;
  /** The id of the schema, where it is a version of the subject. */
  lookup(subject: string, text: string, signal?: AbortSignal): Promise<number | null>;
  register(subject: string, text: string, signal?: AbortSignal): Promise<number>;
}

/** A type that a schema uses and another subject declares. */
export interface SchemaReference {
  /** Of the type, in full. */
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

export interface SchemaAnswer {
  readonly text: string;
  readonly references: readonly SchemaReference[];
}

export interface VersionAnswer extends SchemaAnswer {
  readonly id: number;
  readonly version: number;
}

export function readSchema(call: RegistryCall, answer: JsonValue): SchemaAnswer {
  if (!isJsonObject(answer)) throw badAnswer(call, 'it is not an object');
  const { schema, schemaType = 'AVRO', references } = answer;
  if (schemaType !== null && schemaType !== 'AVRO') {
    throw notAvro(call, typeof schemaType === 'string' ? schemaType.slice(0, 40) : 'unknown');
  }
  if (typeof schema !== 'string') throw badAnswer(call, 'it has no text "schema"');
  const list = references ?? [];
  if (!Array.isArray(list)) throw badAnswer(call, '"references" is not an array');
  return { text: schema, references: list.map((it: JsonValue) => readReference(call, it)) };
}

export function readVersion(call: RegistryCall, answer: JsonValue): VersionAnswer {
  const schema = readSchema(call, answer);
  const version = isJsonObject(answer) ? answer['version'] : null;
  if (!isCount(version)) throw badAnswer(call, 'it has no number "version"');
  return { ...schema, id: readId(call, answer), version };
}

export function readId(call: RegistryCall, answer: JsonValue): number {
  const id = isJsonObject(answer) ? answer['id'] : null;
  if (!isCount(id)) throw badAnswer(call, 'it has no number "id"');
  return id;
}

function readReference(call: RegistryCall, json: JsonValue): SchemaReference {
  if (isJsonObject(json)) {
    const { name, subject, version } = json;
    if (typeof name === 'string' && typeof subject === 'string' && isCount(version)) {
      return { name, subject, version };
    }
  }
  throw badAnswer(call, 'a reference has name, subject and version');
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
