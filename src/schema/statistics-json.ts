/** Statistics as they stand in `add.stats`: a JSON text. PROTOCOL.md, "Per-file Statistics". */

import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  printJson,
} from '../base/index.ts';
import { physicalName } from './column-mapping.ts';
import { indexedSchema, type StatisticsOptions, stringPrefixLength } from './indexed-columns.ts';
import { printBound, readBound, type Side } from './statistics-bound.ts';
import type { ColumnStatistics, FileStatistics } from './statistics.ts';
import type { StructField, StructType } from './types.ts';

/**
 * The JSON text of a file's statistics, for the columns that the table keeps statistics of, by their names in files. Bounds are kept or
 * widened, never narrowed: texts are cut to a prefix, timestamps go to milliseconds. A bound that JSON or other
 * engines cannot hold (NaN, infinities, years beyond 9999) is left out.
 */
export function printStatistics(
  statistics: FileStatistics,
  schema: StructType,
  options: StatisticsOptions = {},
): string {
  const indexed = indexedSchema(schema, options);
  const stringPrefix = stringPrefixLength(options);
  const bounds = (side: Side): string =>
    printMembers(indexed, statistics.columns, (column, field) => {
      const value = hasNaN(column) ? null : column[side];
      return value === null ? null : printBound(value, field.type, { side, stringPrefix });
    }) ?? '{}';
  const nullCount = printMembers(indexed, statistics.columns, (column) =>
    column.nullCount === null ? null : String(column.nullCount),
  );
  return [
    statistics.rowCount === null ? '{' : `{"numRecords":${String(statistics.rowCount)},`,
    statistics.tightBounds === false ? '"tightBounds":false,' : '',
    `"minValues":${bounds('min')},"maxValues":${bounds('max')},"nullCount":${nullCount ?? '{}'}}`,
  ].join('');
}

/**
 * Reads statistics for the columns of `schema` (give only those that matter: the rest costs nothing), which the text
 * has by their names in files. Lenient:
 * whatever is missing, odd or of another type is unknown, and a text that is no statistics at all gives null.
 * Maxima that a writer may have cut off are widened.
 */
export function parseStatistics(
  json: string | null | undefined,
  schema: StructType,
): FileStatistics | null {
  const stats = json === null || json === undefined ? null : parseObject(json);
  if (stats === null) return null;
  return {
    rowCount: readCount(member(stats, 'numRecords')),
    tightBounds: member(stats, 'tightBounds') !== false,
    columns: readColumns(schema, {
      min: member(stats, 'minValues'),
      max: member(stats, 'maxValues'),
      nullCount: member(stats, 'nullCount'),
    }),
  };
}

/**
 * The statistics of a file some of whose rows a deletion vector hides from now on: of all `rowCount` rows, with bounds that
 * need not be met any more. A text that is no statistics at all gives the count alone.
 */
export function withWideBounds(json: string | undefined, rowCount: number): string {
  const stats = (json === undefined ? null : parseObject(json)) ?? {};
  return printJson({ ...stats, numRecords: rowCount, tightBounds: false });
}

interface ColumnJson {
  readonly min: JsonValue | undefined;
  readonly max: JsonValue | undefined;
  readonly nullCount: JsonValue | undefined;
}

/** An object with one member for each leaf that `print` gives a text for; null where there is none. */
function printMembers(
  struct: StructType,
  columns: ReadonlyMap<string, ColumnStatistics>,
  print: (column: ColumnStatistics, field: StructField) => string | null,
): string | null {
  const members: string[] = [];
  for (const field of struct.fields) {
    const column = columns.get(field.name);
    if (column === undefined) continue;
    const text =
      field.type.kind === 'struct'
        ? printMembers(field.type, column.fields ?? new Map(), print)
        : print(column, field);
    if (text !== null) members.push(`${JSON.stringify(physicalName(field))}:${text}`);
  }
  return members.length === 0 ? null : `{${members.join(',')}}`;
}

/** Where NaN was seen neither bound is worth anything to readers, whose orders of NaN differ. */
function hasNaN(column: ColumnStatistics): boolean {
  return Number.isNaN(column.min) || Number.isNaN(column.max);
}

function readColumns(struct: StructType, json: ColumnJson): ReadonlyMap<string, ColumnStatistics> {
  return new Map(
    struct.fields.map((field) => {
      const name = physicalName(field);
      const inner: ColumnJson = {
        min: member(json.min, name),
        max: member(json.max, name),
        nullCount: member(json.nullCount, name),
      };
      return [field.name, readColumn(field, inner)];
    }),
  );
}

function readColumn(field: StructField, json: ColumnJson): ColumnStatistics {
  if (field.type.kind === 'struct') {
    return { min: null, max: null, nullCount: null, fields: readColumns(field.type, json) };
  }
  return {
    min: readBound(json.min, field, 'min'),
    max: readBound(json.max, field, 'max'),
    nullCount: readCount(json.nullCount),
    fields: null,
  };
}

function readCount(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function parseObject(json: string): JsonObject | null {
  try {
    const value = parseJson(json);
    return isJsonObject(value) ? value : null;
  } catch {
    // Statistics only help; a file whose statistics cannot be read is a file without them.
    return null;
  }
}

/** An own member: columns may be named like what every object inherits. */
function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
