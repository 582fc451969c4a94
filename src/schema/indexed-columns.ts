/** Which columns a table keeps statistics of. PROTOCOL.md, "Per-file Statistics". */

import type { DataType, StructField, StructType } from './types.ts';

export interface StatisticsOptions {
  /** Never in statistics: their values stand in the log by themselves. Default none. */
  readonly partitionColumns?: readonly string[];
  /** The table's properties, of which those that start with `delta.dataSkipping` matter. Default none. */
  readonly configuration?: Readonly<Record<string, string>>;
}

const INDEXED_COLUMNS_DEFAULT = 32;
const STRING_PREFIX_DEFAULT = 32;

/**
 * The schema without the columns that have no statistics: the leaves that `delta.dataSkippingStatsColumns` names (a
 * struct stands for all below it), or the first `delta.dataSkippingNumIndexedCols` of them (default 32; −1 is all).
 * Arrays and maps are leaves. A property that makes no sense counts as unset.
 */
export function indexedSchema(schema: StructType, options: StatisticsOptions = {}): StructType {
  const partitions = new Set(options.partitionColumns?.map((name) => name.toLowerCase()));
  const fields = schema.fields.filter((field) => !partitions.has(field.name.toLowerCase()));
  const named = options.configuration?.['delta.dataSkippingStatsColumns'];
  if (named !== undefined) return keepNamed({ kind: 'struct', fields }, readColumnList(named), []);
  const limit = readCount(options, 'delta.dataSkippingNumIndexedCols', -1);
  const budget = { leaves: limit ?? INDEXED_COLUMNS_DEFAULT };
  if (budget.leaves === -1) budget.leaves = Number.POSITIVE_INFINITY;
  return keepFirst({ kind: 'struct', fields }, budget);
}

/** How many UTF-16 units of a text stand in statistics: `delta.dataSkippingStringPrefixLength`, default 32. */
export function stringPrefixLength(options: StatisticsOptions): number {
  return readCount(options, 'delta.dataSkippingStringPrefixLength', 1) ?? STRING_PREFIX_DEFAULT;
}

function readCount(options: StatisticsOptions, property: string, least: number): number | null {
  const text = options.configuration?.[property];
  if (text === undefined || !/^-?\d{1,9}$/.test(text.trim())) return null;
  return Number(text) < least ? null : Number(text);
}

function keepFirst(struct: StructType, budget: { leaves: number }): StructType {
  const fields: StructField[] = [];
  for (const field of struct.fields) {
    if (budget.leaves <= 0) break;
    const type: DataType =
      field.type.kind === 'struct' ? keepFirst(field.type, budget) : field.type;
    if (type.kind !== 'struct') budget.leaves -= 1;
    fields.push({ ...field, type });
  }
  return { kind: 'struct', fields };
}

type Path = readonly string[];

function keepNamed(struct: StructType, named: readonly Path[], prefix: Path): StructType {
  const fields = struct.fields.flatMap((field): readonly StructField[] => {
    const path = [...prefix, field.name.toLowerCase()];
    if (named.some((name) => startsWith(path, name))) return [field];
    if (field.type.kind !== 'struct') return [];
    const type = keepNamed(field.type, named, path);
    return type.fields.length === 0 ? [] : [{ ...field, type }];
  });
  return { kind: 'struct', fields };
}

function startsWith(path: Path, start: Path): boolean {
  return start.length <= path.length && start.every((name, index) => name === path[index]);
}

/** The columns that `delta.dataSkippingStatsColumns` names, as folded paths: `a, b.c, `x,y``. */
export function readColumnList(text: string): readonly Path[] {
  const items = text.match(/(?:`(?:[^`]|``)*`|[^`,])+/g) ?? [];
  return items.map((item) => {
    const parts = item.trim().match(/`(?:[^`]|``)*`|[^.`]+/g) ?? [];
    return parts.map((part) =>
      (part.startsWith('`') ? part.slice(1, -1).replaceAll('``', '`') : part.trim()).toLowerCase(),
    );
  });
}
