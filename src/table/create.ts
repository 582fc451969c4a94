/** New tables. */

import { isDeltaError } from '../base/index.ts';
import { type Metadata, PORTABLE_PROTOCOL } from '../log/index.ts';
import {
  checkColumnNames,
  findField,
  isPartitionType,
  printSchema,
  type StructType,
  typesEqual,
} from '../schema/index.ts';
import { commitTransaction } from './commit.ts';
import { partitionColumnInvalid, tableExists, tableMismatch } from './errors.ts';
import { openSnapshot } from './open.ts';
import { checkProperties } from './properties.ts';
import type { Snapshot, TableContext } from './types.ts';

export interface CreateSpec {
  readonly schema: StructType;
  /** Names of columns of the schema, ignoring case. Default none. */
  readonly partitionBy?: readonly string[];
  /** Table properties; those of `delta.` are checked. Default none. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly description?: string;
  /** Opens the table where there is one already, with the same columns and partitioning. Default false. */
  readonly ifNotExists?: boolean;
}

export interface CreateResult {
  readonly snapshot: Snapshot;
  /** False where the table was there. */
  readonly created: boolean;
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

/**
 * Makes a table that every engine opens: reader version 1, writer version 2. Atomic: of several who try at once, one
 * makes it. Errors: `TABLE_EXISTS`, `TABLE_MISMATCH`, `PARTITION_COLUMN_INVALID`, `PROPERTY_INVALID`,
 * `FEATURE_UNSUPPORTED`, those of column names and of the store.
 */
export async function createTable(ctx: TableContext, spec: CreateSpec): Promise<CreateResult> {
  const metadata = describe(ctx, spec);
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
      { kind: 'protocol', protocol: PORTABLE_PROTOCOL },
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

function describe(ctx: TableContext, spec: CreateSpec): Metadata {
  checkColumnNames(spec.schema);
  const properties = spec.properties ?? {};
  checkProperties(properties);
  return {
    id: ctx.random.uuid(),
    ...(spec.name === undefined ? {} : { name: spec.name }),
    ...(spec.description === undefined ? {} : { description: spec.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: printSchema(spec.schema),
    partitionColumns: partitionColumns(spec),
    configuration: properties,
    createdTime: ctx.clock.now(),
  };
}

/** The partition columns as the schema spells them. */
function partitionColumns(spec: CreateSpec): readonly string[] {
  const names = new Set<string>();
  for (const column of spec.partitionBy ?? []) {
    const field = findField(spec.schema, column);
    if (field === null) throw partitionColumnInvalid(column, 'it is no column of the schema');
    if (!isPartitionType(field.type)) {
      throw partitionColumnInvalid(column, 'values of its type have no form in a partition');
    }
    if (names.has(field.name)) throw partitionColumnInvalid(column, 'it is named twice');
    names.add(field.name);
  }
  if (names.size > 0 && names.size === spec.schema.fields.length) {
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
  if (partitionColumns(spec).join('\u0000') !== snapshot.partitionColumns.join('\u0000')) {
    throw tableMismatch(ctx.store.uri, 'another partitioning');
  }
  return { snapshot, created: false, postCommitErrors: [] };
}
