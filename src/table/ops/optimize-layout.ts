/** How OPTIMIZE lays rows out: what it was asked for, or what the table says of itself (PROTOCOL.md, "Clustered Table"). */

import { isJsonObject, type JsonValue, parseJson } from '../../base/index.ts';
import { identifier, literal, sortKey } from '../../engine/index.ts';
import type { AddFile } from '../../log/index.ts';
import { findField, physicalName, type StructField, type StructType } from '../../schema/index.ts';
import { columnUnknown } from '../errors.ts';
import { domainOf } from '../snapshot.ts';
import type { Snapshot } from '../types.ts';
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

/** Rows of a file that came to it by being clustered, as Spark marks them. */
export interface Cube {
  readonly id: string;
  /** The names of the columns by which its rows are laid out. */
  readonly columns: readonly string[];
}

const CUBE_ID = 'ZCUBE_ID';
const CUBE_COLUMNS = 'ZCUBE_ZORDER_BY';
const PROVIDER = 'liquid';

/** The cube that a file is of; null where it is in none. */
export function cubeOf({ tags }: Pick<AddFile, 'tags'>): Cube | null {
  const id = tags?.[CUBE_ID] ?? null;
  const columns = textsOf(tags?.[CUBE_COLUMNS] ?? null);
  return id === null || columns === null ? null : { id, columns };
}

/** Whether another implementation than Delta's own has clustered the file. */
export function isClusteredByOthers({ clusteringProvider }: AddFile): boolean {
  return clusteringProvider !== undefined && clusteringProvider !== PROVIDER;
}

/** What an `add` of a cube says of it. PROTOCOL.md, "Writer Requirements for Clustered Table". */
export function cubeMarks({
  id,
  columns,
}: Cube): Required<Pick<AddFile, 'tags' | 'clusteringProvider'>> {
  return {
    tags: { [CUBE_ID]: id, [CUBE_COLUMNS]: JSON.stringify(columns) },
    clusteringProvider: PROVIDER,
  };
}

/** Each column as the fields that lead to it. */
function clusteringColumns(snapshot: Snapshot): readonly (readonly StructField[])[] {
  const text = domainOf(snapshot, CLUSTERING_DOMAIN);
  const domain = text === null ? null : parsed(text);
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

function textsOf(text: string | null): readonly string[] | null {
  const value = text === null ? null : parsed(text);
  if (!Array.isArray(value)) return null;
  const texts = value.filter((it) => typeof it === 'string');
  return texts.length === value.length ? texts : null;
}

function parsed(text: string): JsonValue | null {
  try {
    return parseJson(text);
  } catch {
    // Tags are free text: what is no JSON says nothing.
    return null;
  }
}
