/** The table a job writes to: made where it is missing, evolved to the job's schema, and never mistaken for another. */

import { isDeltaError, isJsonObject, parseJson, printJson } from '../base/index.ts';
import type { Metadata } from '../log/index.ts';
import { evolveSchema, findField, printSchema, type StructType } from '../schema/index.ts';
import { type Checkpoint, readText, writeOnce } from '../stream/index.ts';
import {
  commitTransaction,
  createTable,
  openMetadata,
  openSnapshot,
  type TableContext,
  type TableMetadata,
} from '../table/index.ts';
import type { SinkTable } from './job.ts';
import { checkpointTaken, tableMismatch, tableReplaced } from './errors.ts';

/** In the checkpoint directory: which table it writes to. Spark does not look at it. */
export const IDENTITY_FILE = 'table.json';

/** Tries to evolve a table while others commit to it. */
const EVOLVE_ATTEMPTS_MAX = 20;

/** Who uses a table, and how. */
export interface TableUse {
  readonly checkpoint: Checkpoint;
  /** Null for the columns that the table has. */
  readonly schema: StructType | null;
  /** Whether workers keep their progress in the table, rather than one run in the checkpoint. */
  readonly hasWorkers: boolean;
}

/**
 * Leaves the table with the columns of `schema` and the properties of the sink, by as many metadata commits as it takes,
 * mostly none. Without a schema a table that is missing is not made: false.
 * Errors: `JOB_TABLE_MISMATCH`; `JOB_TABLE_REPLACED` where the checkpoint has written to another table, or to one that is
 * gone; `JOB_CHECKPOINT_TAKEN` where it was written by workers and there are none now, or the other way round; those of
 * opening and committing.
 */
export async function prepareTable(
  table: TableContext,
  sink: SinkTable,
  { checkpoint, schema, hasWorkers }: TableUse,
): Promise<boolean> {
  const text = await readText(checkpoint.store, IDENTITY_FILE);
  const identity = text === null ? null : parseIdentity(text);
  if (identity !== null && identity.hasWorkers !== hasWorkers) {
    throw checkpointTaken(checkpoint.store.uri, identity.hasWorkers);
  }
  const known = identity?.id ?? null;
  let found = await openIfThere(table);
  if (found === null) {
    if (known !== null) throw tableReplaced(table.store.uri, 'it is gone');
    if (schema === null) return false;
    await createSinkTable(table, sink, schema);
    found = await openMetadata(table);
  }
  if (known !== null && known !== found.metadata.id) {
    throw tableReplaced(table.store.uri, 'its id is another');
  }
  if (text === null) {
    const { id } = found.metadata;
    const content = hasWorkers ? { id, workers: true } : { id };
    await writeOnce(checkpoint.store, IDENTITY_FILE, printJson(content));
  }
  await evolve(table, { ...sink, schema }, found);
  return true;
}

/** The metadata that the table needs to hold the sink's rows, or null where it does already. */
export function evolvedMetadata(
  location: string,
  sink: Pick<SinkTable, 'schema' | 'partitionColumns' | 'properties' | 'evolve'>,
  found: Pick<TableMetadata, 'metadata' | 'schema'>,
): Metadata | null {
  const { metadata, schema } = found;
  const wanted = sink.schema ?? schema;
  checkPartitioning(location, sink.partitionColumns, metadata.partitionColumns);
  checkSpelling(location, schema, wanted);
  // Wider types come with the first rows that have them.
  const evolution = evolveSchema(schema, wanted, sink.evolve === 'widen' ? 'widen' : 'add');
  if (evolution.kind === 'refused') {
    throw tableMismatch(location, `its column ${evolution.column}: ${evolution.reason}`);
  }
  const properties = Object.entries(sink.properties).filter(
    ([key, value]) => metadata.configuration[key] !== value,
  );
  if (!evolution.changed && properties.length === 0) return null;
  return {
    ...metadata,
    ...(evolution.changed ? { schemaString: printSchema(evolution.schema) } : {}),
    configuration: { ...metadata.configuration, ...Object.fromEntries(properties) },
  };
}

async function openIfThere(table: TableContext): Promise<TableMetadata | null> {
  try {
    return await openMetadata(table);
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return null;
    throw error;
  }
}

async function createSinkTable(
  table: TableContext,
  sink: SinkTable,
  schema: StructType,
): Promise<void> {
  try {
    await createTable(table, {
      schema,
      partitionBy: sink.partitionColumns,
      properties: sink.properties,
    });
  } catch (error) {
    // Somebody else made it first: whether it fits is looked at next.
    if (!isDeltaError(error, 'TABLE_EXISTS')) throw error;
  }
}

async function evolve(table: TableContext, sink: SinkTable, found: TableMetadata): Promise<void> {
  let current = found;
  for (let attempt = 1; attempt <= EVOLVE_ATTEMPTS_MAX; attempt += 1) {
    if (evolvedMetadata(table.store.uri, sink, current) === null) return;
    // What is committed rests on the log, and not on a checksum file that may tell otherwise.
    const snapshot = await openSnapshot(table);
    const metadata = evolvedMetadata(table.store.uri, sink, snapshot);
    if (metadata === null) return;
    const grows = metadata.schemaString !== snapshot.metadata.schemaString;
    await commitTransaction(table, snapshot, {
      operation: grows ? 'ADD COLUMNS' : 'SET TBLPROPERTIES',
      actions: [{ kind: 'metaData', metaData: metadata }],
      reads: { kind: 'nothing' },
    });
    current = await openMetadata(table);
  }
  throw tableMismatch(table.store.uri, 'others keep changing its columns or properties');
}

/** What jobs read by name must be there by that name. */
function checkSpelling(location: string, schema: StructType, wanted: StructType): void {
  for (const { name } of wanted.fields) {
    const there = findField(schema, name);
    if (there !== null && there.name !== name) {
      throw tableMismatch(location, `its column is spelled ${there.name}, not ${name}`);
    }
  }
}

function checkPartitioning(
  location: string,
  wanted: readonly string[],
  found: readonly string[],
): void {
  if (wanted.length === 0 || wanted.join('\u0000') === found.join('\u0000')) return;
  throw tableMismatch(location, `it is partitioned by (${found.join(', ')})`);
}

function parseIdentity(text: string): { readonly id: string; readonly hasWorkers: boolean } | null {
  try {
    const value = parseJson(text);
    if (!isJsonObject(value) || typeof value['id'] !== 'string') return null;
    return { id: value['id'], hasWorkers: value['workers'] === true };
  } catch {
    // A file of ours that somebody tore is as good as none: the table is checked by the batches it holds.
    return null;
  }
}
