/** How OPTIMIZE lays rows out: what it was asked for, or what the table says of itself (PROTOCOL.md, "Clustered Table"). */

import { isJsonObject, type JsonValue } from '../../base/index.ts';
import { identifier, literal, sortKey } from '../../engine/index.ts';
import { findField, physicalName, type StructField, type StructType } from '../../schema/index.ts';
import { columnUnknown } from '../errors.ts';
import { domainOf } from '../snapshot.ts';
import type { Snapshot } from '../types.ts';
import { jsonIn } from './cube-marks.ts';
import { optimizeInvalid } from './errors.ts';

export type Layout =
  /** Small files become few; rows keep their order. */
  | { readonly kind: 'pack' }
  /** Files that hold more than the table does are written again without it: REORG. */
  | { readonly kind: 'purge' }
  | { readonly kind: 'zorder'; readonly columns: readonly CurveColumn[] }
  /** Liquid clustering; `full`: also what is clustered already. */
  | { readonly kind: 'cluster'; readonly columns: readonly CurveColumn[]; readonly full: boolean };

/** A column, nested or not, along which rows are laid out. */
export interface CurveColumn {
  /** As Spark writes it: names with points between them. */
  readonly name: string;
  /** The engine's expression for its place in the order. */
  readonly sql: string;
}

export interface LayoutOptions {
  /** Columns along which rows are laid out by a Z-curve: all files of each partition are written again. */
  readonly zOrderBy?: readonly string[];
  /** Of a table that is clustered: also files that are clustered already. Default false. */
  readonly full?: boolean;
}

const CLUSTERING_DOMAIN = 'delta.clustering';

/**
 * What `options` ask of this table. Errors: `OPTIMIZE_INVALID` for what it cannot be laid out by, `COLUMN_UNKNOWN`.
 */
export function layoutOf(
  snapshot: Snapshot,
  options: LayoutOptions & { readonly where?: unknown; readonly sortBy?: readonly string[] },
): Layout {
  const { zOrderBy = [], full = false, where, sortBy = [] } = options;
  if (zOrderBy.length > 0 && sortBy.length > 0) {
    throw optimizeInvalid('rows are either sorted or laid out along a curve');
  }
  const clustering = clusteringColumns(snapshot);
  if (clustering.length > 0) {
    if (zOrderBy.length > 0) {
      throw optimizeInvalid('it is clustered, which zOrderBy would undo; call clusterBy instead');
    }
    if (where !== undefined) {
      throw optimizeInvalid('it is clustered and has no partitions to choose from');
    }
    // Who sorts rows asks for another order than the table's, and gets it for the small files alone.
    return sortBy.length > 0
      ? { kind: 'pack' }
      : { kind: 'cluster', columns: clustering.map((path) => curveColumn(path)), full };
  }
  if (full) throw optimizeInvalid('only tables with clustering columns are optimized in full');
  if (zOrderBy.length === 0) return { kind: 'pack' };
  return {
    kind: 'zorder',
    columns: zOrderBy.map((name) => curveColumn(zOrderPath(snapshot, name))),
  };
}

/** Each column as the fields that lead to it. */
function clusteringColumns(snapshot: Snapshot): readonly (readonly StructField[])[] {
  const text = domainOf(snapshot, CLUSTERING_DOMAIN);
  const domain = text === null ? null : jsonIn(text);
  const columns = isJsonObject(domain) ? domain['clusteringColumns'] : null;
  if (!Array.isArray(columns)) return [];
  return columns.map((column) => {
    const names = Array.isArray(column) ? column : [column];
    const path = pathBy(
      snapshot.schema,
      names,
      ({ fields }, name) => fields.find((field) => physicalName(field) === name) ?? null,
    );
    if (path !== null) return path;
    throw optimizeInvalid(`it is clustered by ${JSON.stringify(names)}, which it does not have`);
  });
}

function zOrderPath(snapshot: Snapshot, column: string): readonly StructField[] {
  const { schema, partitionColumns } = snapshot;
  const whole = findField(schema, column);
  const path = whole === null ? pathBy(schema, column.split('.'), findField) : [whole];
  const [top] = path ?? [];
  const leaf = path?.at(-1);
  if (path === null || top === undefined || leaf === undefined) {
    throw columnUnknown(
      column,
      schema.fields.map(({ name }) => name),
    );
  }
  if (partitionColumns.includes(top.name)) {
    throw optimizeInvalid(`${column} is a partition column, which has one value in a file`);
  }
  if (leaf.type.kind !== 'primitive' && leaf.type.kind !== 'decimal') {
    throw optimizeInvalid(
      `rows cannot be laid out by ${column}, which does not hold single values`,
    );
  }
  return path;
}

/** The fields that lead to a column; null where there is none. */
function pathBy(
  schema: StructType,
  names: readonly JsonValue[],
  find: (within: StructType, name: string) => StructField | null,
): readonly StructField[] | null {
  const path: StructField[] = [];
  let within: StructType | null = schema;
  for (const name of names) {
    const field: StructField | null =
      within === null || typeof name !== 'string' ? null : find(within, name);
    if (field === null) return null;
    path.push(field);
    within = field.type.kind === 'struct' ? field.type : null;
  }
  return path;
}

function curveColumn(path: readonly StructField[]): CurveColumn {
  const [top = '', ...inner] = path.map(({ name }) => name);
  const value = inner.reduce(
    (sql, name) => `struct_extract(${sql}, ${literal(name)})`,
    identifier(top),
  );
  const type = path.at(-1)?.type;
  return {
    name: [top, ...inner].join('.'),
    sql: type === undefined ? value : sortKey(value, type),
  };
}
