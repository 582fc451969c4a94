/** The columns that the rows of a table are clustered by. PROTOCOL.md, "Clustered Table". */

import { isJsonObject, parseJson } from '../base/index.ts';
import type { Metadata } from '../log/index.ts';
import {
  type DataType,
  indexedSchema,
  mappingMode,
  parseSchema,
  physicalName,
  type StructField,
  type StructType,
  withoutMapping,
} from '../schema/index.ts';
import { clusteringInvalid } from './errors.ts';
import { domainOf } from './snapshot.ts';
import type { Snapshot } from './types.ts';

/** Where the columns by which rows are laid out are kept. */
export const CLUSTERING_DOMAIN = 'delta.clustering';

/**
 * The columns that rows are clustered by, each as the names that files have for the fields that lead to it; none where the table
 * names none.
 */
export function clusteringPaths(snapshot: Snapshot): readonly (readonly string[])[] {
  const configuration = domainOf(snapshot, CLUSTERING_DOMAIN);
  const parsed = configuration === null ? undefined : parseJson(configuration);
  const columns = isJsonObject(parsed) ? parsed['clusteringColumns'] : [];
  if (!Array.isArray(columns)) return [];
  return columns.map((column) => (Array.isArray(column) ? column.map(String) : [String(column)]));
}

/** The name of a column by those that files have; theirs where the table does not have it any more. */
export function columnAt(schema: StructType, path: readonly string[]): string {
  let within: StructType | null = schema;
  const names = path.map((part) => {
    const field: StructField | null =
      within?.fields.find((candidate) => physicalName(candidate) === part) ?? null;
    within = field?.type.kind === 'struct' ? field.type : null;
    return field?.name ?? part;
  });
  return names.join('.');
}

/** The type of a column, by the names that files have for the fields that lead to it; null where there is none. */
export function typeAt(schema: StructType, path: readonly string[]): DataType | null {
  let within: DataType = schema;
  for (const name of path) {
    const fields: readonly StructField[] = within.kind === 'struct' ? within.fields : [];
    const field = fields.find((each) => physicalName(each) === name);
    if (field === undefined) return null;
    within = field.type;
  }
  return within;
}

/**
 * Whether statistics of the columns of `indexed` tell the least and the greatest value of one. PROTOCOL.md, "Writer Requirements
 * for Clustered Table".
 */
export function hasBounds(indexed: StructType, path: readonly string[]): boolean {
  const type = typeAt(indexed, path);
  return type?.kind === 'decimal' || (type?.kind === 'primitive' && !UNBOUNDED.has(type.name));
}

const UNBOUNDED: ReadonlySet<string> = new Set(['binary', 'boolean', 'variant', 'void']);

/** Refuses a change after which files would have no bounds of a column that the table is clustered by: `CLUSTERING_INVALID`. */
export function checkBoundsStay(before: Snapshot, after: Metadata): void {
  const paths = clusteringPaths(before);
  if (paths.length === 0) return;
  const held = indexedSchema(before.schema, before.metadata);
  const schema = parseSchema(after.schemaString);
  const isMapped = mappingMode(after.configuration) !== 'none';
  const left = indexedSchema(isMapped ? schema : withoutMapping(schema), after);
  const lost = paths.find((path) => hasBounds(held, path) && !hasBounds(left, path));
  if (lost === undefined) return;
  const cure = 'name it in delta.dataSkippingStatsColumns, or cluster by other columns first';
  throw clusteringInvalid(
    columnAt(before.schema, lost),
    `files would have no bounds of its values; ${cure}`,
  );
}
