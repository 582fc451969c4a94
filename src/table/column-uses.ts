/** What of a table rests on a column by its name, or on its values. */

import { isDeltaError } from '../base/index.ts';
import {
  expressionColumns,
  GENERATION,
  parseExpression,
  physicalName,
  readColumnList,
  type StructField,
  type StructType,
} from '../schema/index.ts';
import { clusteringPaths } from './clustering.ts';
import { CONSTRAINT_PREFIX } from './property-rules.ts';
import type { Snapshot } from './types.ts';

/** What goes by the name of the column, in words: it has to go before the column can be renamed or dropped. */
export function usesOfName(table: Snapshot, path: readonly string[]): readonly string[] {
  const skipping = 'delta.dataSkippingStatsColumns';
  const indexed = readColumnList(table.metadata.configuration[skipping] ?? '');
  const isIndexed = indexed.some((name) => isWithin(name, path));
  return [...usesOfValues(table, path), ...(isIndexed ? [`the property ${skipping}`] : [])];
}

/** What is computed from the column, in words: it may come out as something else where the column has another type. */
export function usesOfValues(table: Snapshot, path: readonly string[]): readonly string[] {
  const stored = [
    ...Object.entries(table.metadata.configuration).flatMap(([key, text]) =>
      key.toLowerCase().startsWith(CONSTRAINT_PREFIX)
        ? [{ use: `the constraint ${key.slice(CONSTRAINT_PREFIX.length)}`, text }]
        : [],
    ),
    ...storedExpressions(table.schema),
  ];
  return stored.filter(({ text }) => readsColumn(text, path)).map(({ use }) => use);
}

/** Whether rows are laid out by the column, or by one inside of it. */
export function isClusteredBy(table: Snapshot, fields: readonly StructField[]): boolean {
  const path = fields.map(physicalName);
  return clusteringPaths(table).some((column) => isWithin(column, path));
}

function storedExpressions(
  struct: StructType,
): readonly { readonly use: string; readonly text: string }[] {
  return struct.fields.flatMap(({ name, metadata, type }) => {
    const generation = metadata[GENERATION];
    const invariant = metadata['delta.invariants'];
    return [
      ...(typeof generation === 'string'
        ? [{ use: `the generated column ${name}`, text: generation }]
        : []),
      ...(typeof invariant === 'string'
        ? [{ use: `the invariant of ${name}`, text: invariant }]
        : []),
      ...(type.kind === 'struct' ? storedExpressions(type) : []),
    ];
  });
}

/** What cannot be read may read any column. */
function readsColumn(text: string, path: readonly string[]): boolean {
  try {
    const read = expressionColumns(parseExpression(text));
    return read.some((column) => isWithin(column, path) || isWithin(path, column));
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    return true;
  }
}

/** Whether a path starts with another, ignoring case. */
function isWithin(path: readonly string[], outer: readonly string[]): boolean {
  return (
    path.length >= outer.length &&
    outer.every((name, index) => name.toLowerCase() === path[index]?.toLowerCase())
  );
}
