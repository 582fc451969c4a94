/** Writes that may add columns: the schema grows in the commit that brings the first rows with them. */

import { backoffMs, isDeltaError } from '../../base/index.ts';
import { type Action, isOn, type Metadata, type Protocol } from '../../log/index.ts';
import {
  checkColumnNames,
  type DataType,
  evolveSchema,
  type EvolveMode,
  findField,
  isWidening,
  mappingMode,
  parseSchema,
  printSchema,
  type StructType,
  widenColumn,
  withoutMarks,
} from '../../schema/index.ts';
import { usesOfValues } from '../column-uses.ts';
import { completed } from '../description.ts';
import { refreshSnapshot } from '../open.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { evolutionRefused } from './errors.ts';
import { schemaOfColumns } from './input-schema.ts';
import type { ParquetNode } from '../../parquet/index.ts';

/** What operations that may add columns take. */
export interface EvolveOptions {
  /**
   * `add`: columns and nested fields that the table lacks are added to it, nullable; `widen`: and its columns take wider types
   * of their kind (`bigint` for `int`), where it has `delta.enableTypeWidening`. Default `none`.
   */
  readonly evolve?: EvolveMode;
}

/** The table as the rows of a write see it. */
export interface EvolvedTable {
  /** The table itself where nothing was added; else the same with the schema that it will have. */
  readonly table: Snapshot;
  /** What the commit holds beside the files. */
  readonly actions: readonly Action[];
}

/**
 * The table with what it lacks of `incoming`. Columns that it has keep their type: whether values fit it is found out where they are
 * written. With column mapping new columns have ids and names in files. What another table made of a column, its defaults and
 * numbers, stays with that one, as in Spark. Errors: `EVOLUTION_REFUSED` (invalid), those of `checkColumnNames`.
 */
export function evolvedTable(
  ctx: Pick<TableContext, 'random'>,
  snapshot: Snapshot,
  incoming: readonly StructType[],
  { evolve = 'none' }: EvolveOptions,
): EvolvedTable {
  if (evolve === 'none') return { table: snapshot, actions: [] };
  let { schema } = snapshot;
  for (const each of incoming) {
    if (evolve === 'widen') schema = widened(snapshot, schema, each);
    const evolution = evolveSchema(schema, withTypesOf(schema, withoutMarks(each)), evolve);
    if (evolution.kind === 'refused') throw evolutionRefused(evolution.column, evolution.reason);
    ({ schema } = evolution);
  }
  if (schema === snapshot.schema) return { table: snapshot, actions: [] };
  checkZoneless(snapshot.protocol, schema, snapshot.schema);
  const metadata = { ...snapshot.metadata, schemaString: printSchema(schema) };
  if (mappingMode(snapshot.metadata.configuration) === 'none') {
    checkColumnNames(schema);
    return grown(snapshot, metadata, schema);
  }
  const description = { protocol: snapshot.protocol, metadata };
  const mapped = completed(description, { before: snapshot, random: ctx.random }).metadata;
  return grown(snapshot, mapped, parseSchema(mapped.schemaString));
}

/** The columns of Parquet files, each schema once. Errors: `INPUT_TYPE_UNKNOWN` (unsupported). */
export function incomingSchemas(
  files: Iterable<{ readonly columns: readonly ParquetNode[] }>,
): readonly StructType[] {
  const schemas = new Map<string, StructType>();
  for (const { columns } of files) {
    const schema = schemaOfColumns(columns);
    schemas.set(printSchema(schema), schema);
  }
  return [...schemas.values()];
}

/** Tries at a commit whose table others keep changing. */
const ATTEMPTS_MAX = 100;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/** Conflicts that end once the work is done on the table as it is described then. */
const DESCRIBED_ANEW: ReadonlySet<unknown> = new Set(['CONFLICT_METADATA', 'CONFLICT_PROTOCOL']);

export interface AgainOptions {
  /** `all`: also where another commit changed the rows that the work rests on. Default: only where the description changed. */
  readonly conflicts?: 'all' | 'description';
  readonly signal?: AbortSignal;
}

/**
 * Does `work` again, on the table as it is then, where another commit changed the schema, the properties or the features
 * meanwhile. Only for work that can be repeated.
 */
export async function withEvolution<T>(
  ctx: TableContext,
  snapshot: Snapshot,
  { signal, conflicts = 'description' }: AgainOptions,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  let latest = snapshot;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(latest);
    } catch (error) {
      const isLost =
        isDeltaError(error, 'WRITE_CONFLICT') &&
        (conflicts === 'all' || DESCRIBED_ANEW.has(error.details['conflict']));
      if (!isLost || attempt === ATTEMPTS_MAX) throw error;
    }
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt), signal);
    latest = await refreshSnapshot(ctx, latest);
  }
}

/** The schema with the wider types of `incoming`, of the same kind: integers, floats, decimals. */
function widened(snapshot: Snapshot, schema: StructType, incoming: StructType): StructType {
  let result = schema;
  for (const { path, type } of widerTypes(schema, incoming, [])) {
    if (!isOn(snapshot.metadata, 'delta.enableTypeWidening')) {
      throw evolutionRefused(path.join('.'), 'set delta.enableTypeWidening to true first');
    }
    const [use] = usesOfValues(snapshot, path);
    if (use !== undefined) {
      throw evolutionRefused(path.join('.'), `it would need another type, and ${use} names it`);
    }
    const next = widenColumn(result, path, type);
    if (typeof next === 'string') throw evolutionRefused(path.join('.'), next);
    result = next;
  }
  return result;
}

interface WiderType {
  readonly path: readonly string[];
  readonly type: DataType;
}

function widerTypes(
  table: DataType,
  incoming: DataType,
  path: readonly string[],
): readonly WiderType[] {
  if (table.kind === 'struct' && incoming.kind === 'struct') {
    return incoming.fields.flatMap((field) => {
      const there = findField(table, field.name);
      return there === null ? [] : widerTypes(there.type, field.type, [...path, there.name]);
    });
  }
  if (table.kind === 'array' && incoming.kind === 'array') {
    return widerTypes(table.element, incoming.element, [...path, 'element']);
  }
  if (table.kind === 'map' && incoming.kind === 'map') {
    return [
      ...widerTypes(table.key, incoming.key, [...path, 'key']),
      ...widerTypes(table.value, incoming.value, [...path, 'value']),
    ];
  }
  const isOfItsKind = kindOf(table) !== null && kindOf(table) === kindOf(incoming);
  return isOfItsKind && isWidening(table, incoming) ? [{ path, type: incoming }] : [];
}

/** As in Spark, evolution never makes a number of another kind. */
function kindOf(type: DataType): string | null {
  if (type.kind === 'decimal') return 'decimal';
  if (type.kind !== 'primitive') return null;
  if (['byte', 'short', 'integer', 'long'].includes(type.name)) return 'integer';
  return ['float', 'double'].includes(type.name) ? 'float' : null;
}

/** `incoming` with the table's own types, as far as both have a column. */
function withTypesOf(table: StructType, incoming: StructType): StructType {
  const fields = incoming.fields.map((field) => {
    const there = findField(table, field.name);
    return there === null ? field : { ...field, type: typeOf(there.type, field.type) };
  });
  return { ...incoming, fields };
}

function typeOf(table: DataType, incoming: DataType): DataType {
  if (table.kind === 'struct' && incoming.kind === 'struct') return withTypesOf(table, incoming);
  if (table.kind === 'array' && incoming.kind === 'array') {
    return { ...incoming, element: typeOf(table.element, incoming.element) };
  }
  if (table.kind === 'map' && incoming.kind === 'map') {
    const key = typeOf(table.key, incoming.key);
    return { ...incoming, key, value: typeOf(table.value, incoming.value) };
  }
  return table;
}

/** PROTOCOL.md, "Timestamp without timezone": a table has such columns only with the feature. */
function checkZoneless(protocol: Protocol, schema: StructType, before: StructType): void {
  if (!holdsZoneless(schema) || holdsZoneless(before)) return;
  if (protocol.writerFeatures?.includes('timestampNtz') === true) return;
  const reason =
    'a new column is a timestamp_ntz, which the table has no feature for; cast it to timestamp';
  throw evolutionRefused('', reason);
}

function holdsZoneless(type: DataType): boolean {
  switch (type.kind) {
    case 'struct':
      return type.fields.some((field) => holdsZoneless(field.type));
    case 'array':
      return holdsZoneless(type.element);
    case 'map':
      return holdsZoneless(type.key) || holdsZoneless(type.value);
    default:
      return type.kind === 'primitive' && type.name === 'timestamp_ntz';
  }
}

/** The table with the schema, and the metadata that its commit brings. */
function grown(snapshot: Snapshot, metaData: Metadata, schema: StructType): EvolvedTable {
  const described = describedAs(snapshot, { protocol: snapshot.protocol, metadata: metaData });
  return { table: { ...described, schema }, actions: [{ kind: 'metaData', metaData }] };
}

/** The rows of a snapshot under another description, as a commit that brings it will leave them. */
export function describedAs(
  snapshot: Snapshot,
  { protocol, metadata }: Pick<Snapshot, 'protocol' | 'metadata'>,
): Snapshot {
  return {
    version: snapshot.version,
    timestampMs: snapshot.timestampMs,
    protocol,
    metadata,
    schema: parseSchema(metadata.schemaString),
    partitionColumns: metadata.partitionColumns,
    fileCount: snapshot.fileCount,
    sizeBytes: snapshot.sizeBytes,
    files: () => snapshot.files(),
    file: (path) => snapshot.file(path),
    txnVersion: (appId) => snapshot.txnVersion(appId),
  };
}
