/** New tables. */

import { isDeltaError } from '../base/index.ts';
import { type Metadata, PORTABLE_PROTOCOL } from '../log/index.ts';
import {
  checkColumnNames,
  findField,
  isFilled,
  isPartitionType,
  mappingMode,
  printSchema,
  type StructType,
  typesEqual,
  withoutMapping,
} from '../schema/index.ts';
import { commitTransaction } from './commit.ts';
import { type Description, withProperties } from './description.ts';
import { partitionColumnInvalid, tableExists, tableMismatch } from './errors.ts';
import { openSnapshot } from './open.ts';
import type { Snapshot, TableContext } from './types.ts';

/**
 * `portable`: every engine opens the table. `spark4`: what Spark with Delta 4 knows and makes large tables faster to open and
 * their history exact: V2 checkpoints, in-commit timestamps. `databricks`: that, and row tracking, as there by default.
 */
export type Preset = 'portable' | 'spark4' | 'databricks';

export interface CreateSpec {
  readonly schema: StructType;
  /** Names of columns of the schema, ignoring case. Default none. */
  readonly partitionBy?: readonly string[];
  /** Table properties; those of `delta.` are checked. They win over those of the preset. Default none. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Properties for those who are to open the table. Default `portable`. */
  readonly preset?: Preset;
  readonly name?: string;
  readonly description?: string;
  /** Opens the table where there is one already, with the same columns and partitioning. Default false. */
  readonly ifNotExists?: boolean;
}

const SPARK4: Readonly<Record<string, string>> = {
  'delta.checkpointPolicy': 'v2',
  'delta.enableInCommitTimestamps': 'true',
};

/** The properties that each preset stands for. */
export const PRESETS: Readonly<Record<Preset, Readonly<Record<string, string>>>> = {
  portable: {},
  spark4: SPARK4,
  databricks: { ...SPARK4, 'delta.enableRowTracking': 'true' },
};

export interface CreateResult {
  readonly snapshot: Snapshot;
  /** False where the table was there. */
  readonly created: boolean;
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

/**
 * Makes a table that every engine opens (reader version 1, writer version 2), unless its properties or columns ask for more.
 * Atomic: of several who try at once, one makes it. Errors: `TABLE_EXISTS`, `TABLE_MISMATCH`, `PARTITION_COLUMN_INVALID`,
 * `PROPERTY_INVALID`, `FEATURE_UNKNOWN`, `FEATURE_UNSUPPORTED`, `COLUMN_VALUES_INVALID`, `RULE_UNSUPPORTED` for a generated column or a
 * default that cannot be evaluated here, those of column names and of the store.
 */
export async function createTable(ctx: TableContext, spec: CreateSpec): Promise<CreateResult> {
  const { protocol, metadata } = describeTable(ctx, spec);
  if (spec.schema.fields.some(isFilled)) {
    const { checkMadeColumns } = await import('./ops/made-columns.ts');
    checkMadeColumns(spec.schema, metadata);
  }
  const existing = await openIfThere(ctx);
  if (existing !== null) return takeExisting(ctx, existing, spec);
  const outcome = await commitTransaction(ctx, null, {
    operation: 'CREATE TABLE',
    operationParameters: {
      isManaged: 'false',
      description: spec.description ?? '',
      partitionBy: JSON.stringify(metadata.partitionColumns),
      properties: JSON.stringify(metadata.configuration),
    },
    actions: [
      { kind: 'protocol', protocol },
      { kind: 'metaData', metaData: metadata },
    ],
    reads: { kind: 'nothing' },
  });
  if (outcome.kind !== 'committed') return takeExisting(ctx, await openSnapshot(ctx), spec);
  return {
    snapshot: outcome.snapshot,
    created: true,
    postCommitErrors: outcome.postCommitErrors,
  };
}

/**
 * What a table of this description is to be told to be; `hasFiles`, by default false, where it takes files over that have its
 * columns by their own names. Errors: as for `createTable`.
 */
export function describeTable(
  ctx: TableContext,
  spec: CreateSpec,
  { hasFiles = false }: { readonly hasFiles?: boolean } = {},
): Description {
  const set = { ...PRESETS[spec.preset ?? 'portable'], ...spec.properties };
  checkColumnNames(spec.schema, { isMapped: (mappingMode(set) ?? 'none') !== 'none' });
  const metadata: Metadata = {
    id: ctx.random.uuid(),
    ...(spec.name === undefined ? {} : { name: spec.name }),
    ...(spec.description === undefined ? {} : { description: spec.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: printSchema(withoutMapping(spec.schema)),
    partitionColumns: partitionColumnsOf(spec.schema, spec.partitionBy),
    configuration: {},
    createdTime: ctx.clock.now(),
  };
  const bare = { protocol: PORTABLE_PROTOCOL, metadata };
  const options = { before: hasFiles ? bare : null, random: ctx.random };
  return withProperties(bare, { set }, options);
}

/** The partition columns as the schema spells them. Errors: `PARTITION_COLUMN_INVALID`. */
export function partitionColumnsOf(
  schema: StructType,
  partitionBy: readonly string[] = [],
): readonly string[] {
  const names = new Set<string>();
  for (const column of partitionBy) {
    const field = findField(schema, column);
    if (field === null) throw partitionColumnInvalid(column, 'it is no column of the schema');
    if (!isPartitionType(field.type)) {
      throw partitionColumnInvalid(column, 'values of its type have no form in a partition');
    }
    if (names.has(field.name)) throw partitionColumnInvalid(column, 'it is named twice');
    names.add(field.name);
  }
  if (names.size > 0 && names.size === schema.fields.length) {
    throw partitionColumnInvalid([...names].join(','), 'no column would be left for the files');
  }
  return [...names];
}

async function openIfThere(ctx: TableContext): Promise<Snapshot | null> {
  try {
    return await openSnapshot(ctx);
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return null;
    throw error;
  }
}

function takeExisting(ctx: TableContext, snapshot: Snapshot, spec: CreateSpec): CreateResult {
  if (spec.ifNotExists !== true) throw tableExists(ctx.store.uri);
  if (!typesEqual(snapshot.schema, spec.schema)) {
    throw tableMismatch(ctx.store.uri, 'other columns or types');
  }
  if (
    partitionColumnsOf(spec.schema, spec.partitionBy).join('\u0000') !==
    snapshot.partitionColumns.join('\u0000')
  ) {
    throw tableMismatch(ctx.store.uri, 'another partitioning');
  }
  return { snapshot, created: false, postCommitErrors: [] };
}
