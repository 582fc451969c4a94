/**
 * What a table must be like, and stay, that is to be converted for readers of Iceberg. PROTOCOL.md, "Iceberg Compatibility V1",
 * "Iceberg Compatibility V2", "Writer Requirements for Type Widening".
 */

import { isJsonObject, type JsonValue } from '../base/index.ts';
import {
  type DataType,
  mappingMode,
  parseSchema,
  parseType,
  type StructType,
  typeName,
} from '../schema/index.ts';
import type { Action, AddFile, Metadata, Protocol } from './actions.ts';
import { icebergIncompatible } from './errors.ts';
import { pathKey } from './file-key.ts';
import { rowCountOf } from './row-tracking.ts';
import type { LogState } from './state.ts';
import { supportsFeature } from './table-features.ts';
import { isOn } from './table-traits.ts';

interface Description {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
}

type Base = Pick<LogState, 'protocol' | 'metadata' | 'files'>;
type Version = 1 | 2;

const VERSIONS: readonly Version[] = [1, 2];

/**
 * `ICEBERG_INCOMPATIBLE` where a commit would make a table with `delta.enableIcebergCompatV1` or `V2` one that cannot be
 * converted: by its schema or properties, or by a file that it adds. `base` is the table before, null for a new one.
 */
export function checkIceberg(
  base: Base | null,
  after: Description,
  actions: readonly Action[],
): void {
  const active = VERSIONS.filter((version) => isActive(version, after));
  const [version] = active;
  if (version === undefined) return;
  const why =
    active.length > 1
      ? 'goes with no other version of it: set one of them to false'
      : (descriptionObstacle(version, base, after) ??
        fileObstacle(version, { base, after, actions }));
  if (why !== null) throw icebergIncompatible(version, why);
}

function isActive(version: Version, { protocol, metadata }: Description): boolean {
  return (
    isOn(metadata, `delta.enableIcebergCompatV${version}`) &&
    supportsFeature(protocol, `icebergCompatV${version}`)
  );
}

/** Why the table cannot be so described, as the rest of a sentence; or null. */
function descriptionObstacle(
  version: Version,
  base: Base | null,
  { protocol, metadata }: Description,
): string | null {
  if ((mappingMode(metadata.configuration) ?? 'none') === 'none') {
    return 'needs column mapping: set delta.columnMapping.mode to name';
  }
  const hasVectors = supportsFeature(protocol, 'deletionVectors');
  if (version === 1 && hasVectors) return 'allows no deletion vectors: drop that feature first';
  if (hasVectors && isOn(metadata, 'delta.enableDeletionVectors')) {
    return 'allows no deletion vectors: set delta.enableDeletionVectors to false first';
  }
  const schema = parseSchema(metadata.schemaString);
  const type = unfitType(schema, version);
  if (type !== null) return `allows no columns of the type ${type}`;
  const change = supportsFeature(protocol, 'typeWidening') ? unfitChange(schema) : null;
  if (change !== null) return `allows no column whose type was widened from ${change}`;
  const columns = base?.metadata.partitionColumns ?? [];
  const isRepartitioned = columns.join('\u0000') !== metadata.partitionColumns.join('\u0000');
  return columns.length > 0 && isRepartitioned ? 'allows no change of the partitioning' : null;
}

/** The same, of the files that the commit brings, and of all files where it turns the feature on. */
function fileObstacle(
  version: Version,
  { base, after, actions }: { base: Base | null; after: Description; actions: readonly Action[] },
): string | null {
  const added = actions.flatMap((action) => (action.kind === 'add' ? [action.add] : []));
  for (const file of added) {
    const why = unfitFile(file);
    if (why !== null) return why;
  }
  if (base === null || base.files.size === 0 || isActive(version, base)) return null;
  if (version === 1 && after.metadata.partitionColumns.length > 0) {
    return 'needs the values of partition columns in every file, and those that are there have none';
  }
  const gone = new Set(
    actions.flatMap((action) => (action.kind === 'remove' ? [pathKey(action.remove.path)] : [])),
  );
  for (const file of base.files.values()) {
    const why = gone.has(pathKey(file.path)) ? null : unfitFile(file);
    if (why !== null) return why;
  }
  return null;
}

function unfitFile(file: AddFile): string | null {
  if (rowCountOf(file) === null) {
    return `needs the number of rows of each file, and the statistics of ${file.path} have no numRecords`;
  }
  return file.deletionVector === undefined
    ? null
    : `allows no deletion vectors, and ${file.path} has one: have the file rewritten first`;
}

const PRIMITIVES: ReadonlySet<string> = new Set([
  'binary',
  'boolean',
  'byte',
  'date',
  'double',
  'float',
  'integer',
  'long',
  'short',
  'string',
  'timestamp',
  'timestamp_ntz',
]);

function unfitType(type: DataType, version: Version): string | null {
  switch (type.kind) {
    case 'struct': {
      for (const field of type.fields) {
        const found = unfitType(field.type, version);
        if (found !== null) return found;
      }
      return null;
    }
    case 'array':
      return version === 1 ? 'array' : unfitType(type.element, version);
    case 'map':
      if (version === 1) return 'map';
      return unfitType(type.key, version) ?? unfitType(type.value, version);
    case 'decimal':
      return null;
    default:
      return PRIMITIVES.has(type.name) ? null : type.name;
  }
}

/** The first change of a type that Iceberg does not know, for people; or null. */
function unfitChange(type: DataType): string | null {
  switch (type.kind) {
    case 'struct':
      return unfitChangeOf(type);
    case 'array':
      return unfitChange(type.element);
    case 'map':
      return unfitChange(type.key) ?? unfitChange(type.value);
    default:
      return null;
  }
}

function unfitChangeOf({ fields }: StructType): string | null {
  for (const { type, metadata } of fields) {
    const changes = metadata['delta.typeChanges'];
    const listed: readonly JsonValue[] = Array.isArray(changes) ? changes : [];
    for (const change of listed) {
      const found = isJsonObject(change) ? changeText(change['fromType'], change['toType']) : null;
      if (found !== null) return found;
    }
    const within = unfitChange(type);
    if (within !== null) return within;
  }
  return null;
}

/** Null for a change that Iceberg knows. */
function changeText(from: JsonValue | undefined, to: JsonValue | undefined): string | null {
  if (typeof from !== 'string' || typeof to !== 'string') return null;
  const [before, after] = [parseType(from), parseType(to)];
  if (before.kind === 'decimal' && after.kind === 'decimal' && before.scale === after.scale) {
    return null;
  }
  const isKnown = (ICEBERG_WIDER[typeName(before)] ?? []).includes(typeName(after));
  return isKnown ? null : `${from} to ${to}`;
}

const ICEBERG_WIDER: Readonly<Record<string, readonly string[]>> = {
  tinyint: ['smallint', 'int', 'bigint'],
  smallint: ['int', 'bigint'],
  int: ['bigint'],
  float: ['double'],
};
