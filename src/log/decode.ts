/**
 * From the JSON of one line to actions that cannot be wrong: members are checked once, here. A null member means an
 * absent one; unknown members stay, so that a rewritten action loses nothing. PROTOCOL.md, "Actions".
 */

import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../base/index.ts';
import type {
  Action,
  AddFile,
  CdcFile,
  DomainMetadata,
  Metadata,
  PartitionValues,
  Protocol,
  RemoveFile,
  Txn,
} from './actions.ts';
import { logCorrupt } from './errors.ts';

/** The actions of a line or of a checkpoint row: mostly one; `unknown` where no key is the protocol's. */
export function decodeAction(line: JsonObject, file: string, lineNumber: number): Action[] {
  const actions: Action[] = [];
  for (const key in line) {
    const value = line[key];
    if (value === null || value === undefined) continue;
    if (!isJsonObject(value)) {
      if (KNOWN.has(key)) fail(file, lineNumber, `${key} is no object`);
      continue;
    }
    const members = cleaned(value);
    // An unknown action may be named like something that every object has.
    const problem = Object.hasOwn(CHECKS, key) ? (CHECKS[key]?.(members) ?? null) : null;
    if (problem !== null) fail(file, lineNumber, `${key}: ${problem}`);
    const action = assemble(key, withTime(key, members));
    if (action !== null) actions.push(action);
  }
  return actions.length === 0 ? [{ kind: 'unknown', line }] : actions;
}

/** The partition values that a JSON text holds; null where it holds anything else. */
export function decodePartitionValues(text: string): PartitionValues | null {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    // What is wrong is for whoever reads the whole line to say.
    return null;
  }
  return isTextMap(value) ? (value as PartitionValues) : null;
}

const KNOWN: ReadonlySet<string> = new Set([
  'add',
  'remove',
  'txn',
  'metaData',
  'protocol',
  'domainMetadata',
  'commitInfo',
  'cdc',
]);

type Check = (members: JsonObject) => string | null;

/** What is wrong with the members of an action, by its key; null where nothing is. */
const CHECKS: Readonly<Record<string, Check | undefined>> = {
  add: (m) =>
    need(m, 'path', isString) ??
    may(m, 'partitionValues', isTextMap) ??
    need(m, 'size', isCount) ??
    need(m, 'modificationTime', isLong) ??
    may(m, 'dataChange', isBoolean) ??
    fileMembers(m),
  remove: (m) =>
    need(m, 'path', isString) ??
    may(m, 'deletionTimestamp', isLong) ??
    may(m, 'dataChange', isBoolean) ??
    may(m, 'extendedFileMetadata', isBoolean) ??
    may(m, 'partitionValues', isTextMap) ??
    may(m, 'size', isCount) ??
    fileMembers(m),
  cdc: (m) =>
    need(m, 'path', isString) ??
    may(m, 'partitionValues', isTextMap) ??
    need(m, 'size', isCount) ??
    may(m, 'dataChange', isBoolean) ??
    may(m, 'tags', isTextMap),
  txn: (m) =>
    need(m, 'appId', isString) ?? need(m, 'version', isLong) ?? may(m, 'lastUpdated', isLong),
  metaData: (m) =>
    need(m, 'id', isString) ??
    may(m, 'name', isString) ??
    may(m, 'description', isString) ??
    may(m, 'format', isJsonObject) ??
    may(m, 'schemaString', isString) ??
    may(m, 'partitionColumns', isTextList) ??
    may(m, 'createdTime', isLong) ??
    may(m, 'configuration', isTextMap),
  protocol: (m) =>
    need(m, 'minReaderVersion', isCount) ??
    need(m, 'minWriterVersion', isCount) ??
    may(m, 'readerFeatures', isTextList) ??
    may(m, 'writerFeatures', isTextList),
  domainMetadata: (m) =>
    need(m, 'domain', isString) ??
    may(m, 'configuration', isString) ??
    may(m, 'removed', isBoolean),
};

function fileMembers(m: JsonObject): string | null {
  return (
    may(m, 'stats', isString) ??
    may(m, 'tags', isTextMap) ??
    may(m, 'deletionVector', isVector) ??
    may(m, 'baseRowId', isLong) ??
    may(m, 'defaultRowCommitVersion', isLong) ??
    may(m, 'clusteringProvider', isString)
  );
}

/** Members that old writers leave out get the value that the protocol gives them. */
function assemble(key: string, members: JsonObject): Action | null {
  switch (key) {
    case 'add':
      return {
        kind: 'add',
        add: filled(members, { partitionValues: {}, dataChange: true }) as unknown as AddFile,
      };
    case 'remove':
      return {
        kind: 'remove',
        remove: filled(members, { dataChange: true }) as unknown as RemoveFile,
      };
    case 'txn':
      return { kind: 'txn', txn: members as unknown as Txn };
    case 'metaData':
      return { kind: 'metaData', metaData: metadataOf(members) };
    case 'protocol':
      return { kind: 'protocol', protocol: members as unknown as Protocol };
    case 'domainMetadata':
      return {
        kind: 'domainMetadata',
        domainMetadata: filled(members, {
          configuration: '',
          removed: false,
        }) as unknown as DomainMetadata,
      };
    case 'commitInfo':
      return { kind: 'commitInfo', commitInfo: members };
    case 'cdc':
      return {
        kind: 'cdc',
        cdc: filled(members, { partitionValues: {}, dataChange: false }) as unknown as CdcFile,
      };
    default:
      return null;
  }
}

/** The member that is a time, by the key of an action. */
const TIMES: Readonly<Record<string, string | undefined>> = {
  add: 'modificationTime',
  remove: 'deletionTimestamp',
  txn: 'lastUpdated',
  metaData: 'createdTime',
};

/** The greatest double that is an int64. */
const TIME_MAX = 2 ** 63 - 1024;

/** Some writers give nanoseconds, or the end of all times: rounded, since times are compared and shown, and no more. */
function withTime(key: string, members: JsonObject): JsonObject {
  const name = Object.hasOwn(TIMES, key) ? TIMES[key] : undefined;
  const time = name === undefined ? undefined : members[name];
  if (name === undefined || typeof time !== 'bigint') return members;
  return { ...members, [name]: Math.max(-TIME_MAX, Math.min(Number(time), TIME_MAX)) };
}

/** What a table has whose metadata names no schema: tables are made so before their first columns are known. */
const NO_COLUMNS = '{"type":"struct","fields":[]}';

function metadataOf(members: JsonObject): Metadata {
  const format = isJsonObject(members['format']) ? members['format'] : {};
  return filled(
    { ...members, format: filled(format, { provider: 'parquet', options: {} }) },
    { schemaString: NO_COLUMNS, partitionColumns: [], configuration: {} },
  ) as unknown as Metadata;
}

/** The same object where it has all of `defaults`' members, which is the common case. */
function filled(members: JsonObject, defaults: JsonObject): JsonObject {
  for (const key in defaults) {
    if (members[key] === undefined) return { ...defaults, ...members };
  }
  return members;
}

function cleaned(members: JsonObject): JsonObject {
  const own = withoutNulls(members);
  const vector = own['deletionVector'];
  return isJsonObject(vector) ? { ...own, deletionVector: withoutNulls(vector) } : own;
}

function withoutNulls(members: JsonObject): JsonObject {
  for (const key in members) {
    if (members[key] === null) {
      return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
    }
  }
  return members;
}

function need(
  m: JsonObject,
  key: string,
  holds: (value: JsonValue | undefined) => boolean,
): string | null {
  return holds(m[key]) ? null : `${key} is missing or of the wrong type`;
}

function may(
  m: JsonObject,
  key: string,
  holds: (value: JsonValue | undefined) => boolean,
): string | null {
  return m[key] === undefined || holds(m[key]) ? null : `${key} is of the wrong type`;
}

function isString(value: JsonValue | undefined): boolean {
  return typeof value === 'string';
}

function isBoolean(value: JsonValue | undefined): boolean {
  return typeof value === 'boolean';
}

function isCount(value: JsonValue | undefined): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isLong(value: JsonValue | undefined): boolean {
  return typeof value === 'bigint' || Number.isSafeInteger(value);
}

function isTextList(value: JsonValue | undefined): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isTextMap(value: JsonValue | undefined): boolean {
  if (!isJsonObject(value)) return false;
  for (const key in value) {
    if (value[key] !== null && typeof value[key] !== 'string') return false;
  }
  return true;
}

function isVector(value: JsonValue | undefined): boolean {
  return (
    isJsonObject(value) &&
    isString(value['storageType']) &&
    isString(value['pathOrInlineDv']) &&
    isCount(value['sizeInBytes']) &&
    isCount(value['cardinality']) &&
    (value['offset'] === undefined || isCount(value['offset']))
  );
}

function fail(file: string, line: number, why: string): never {
  throw logCorrupt(file, why, { line });
}
