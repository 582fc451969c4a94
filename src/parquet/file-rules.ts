/** What keeps a file as a whole from entering a table as it is; each rule returns its reasons, none where it is met. */

import {
  compareScalars,
  type DataType,
  type Scalar,
  type StructField,
  type StructType,
} from '../schema/index.ts';
import { isOfOldSpark } from './old-calendar.ts';
import { footerStatistics } from './statistics.ts';
import type { ParquetFooter } from './types.ts';

/** Files hold no partition columns, or one value of each: readers take the value from the log. */
export function partitionReasons(
  footer: ParquetFooter,
  fields: readonly StructField[],
): readonly string[] {
  const inFile = fields.filter(({ name }) => footer.columns.some((node) => node.name === name));
  const { columns, rowCount } = footerStatistics(footer, { kind: 'struct', fields: inFile });
  return inFile.flatMap(({ name }) => {
    const { min, max, nullCount } = columns.get(name) ?? { min: null, max: null, nullCount: null };
    if (nullCount === rowCount) return [];
    if (nullCount === 0 && min !== null && max !== null && isSame(min, max)) return [];
    return [`column ${name}: it is a partition column, and not proved to have only one value`];
  });
}

/**
 * Spark shifts days before 1582-10-15 when it reads what its older versions wrote, or newer ones in their mode; other
 * engines do not.
 */
export function calendarReasons(footer: ParquetFooter, schema: StructType): readonly string[] {
  if (!isOfOldSpark(footer.keyValues)) return [];
  const { columns, rowCount } = footerStatistics(footer, schema);
  return schema.fields.flatMap(({ name, type }) => {
    if (!holdsDays(type)) return [];
    const { min, nullCount } = columns.get(name) ?? { min: null, nullCount: null };
    const shifts = min === null || compareScalars(min, firstGregorian(type)) < 0;
    if (nullCount === rowCount || !shifts) return [];
    return [`column ${name}: Spark may read its days before 1582-10-15 by another calendar`];
  });
}

/** A table that is also read by position needs the table's first columns, in order, and no others. */
export function orderReasons(footer: ParquetFooter, names: readonly string[]): readonly string[] {
  const inOrder = footer.columns.every(({ name }, index) => name === names[index]);
  if (inOrder) return [];
  return ['the table is read by position, and the file has not its first columns in their order'];
}

/** Writers may cut longer texts, so that equal bounds need not be values. */
const WHOLE_TEXT_LENGTH_MAX = 15;

function isSame(min: Scalar, max: Scalar): boolean {
  if (typeof min === 'string' && min.length > WHOLE_TEXT_LENGTH_MAX) return false;
  return compareScalars(min, max) === 0;
}

const FIRST_GREGORIAN_DAY = -141_427;
const MICROS_PER_DAY = 86_400_000_000n;

function firstGregorian(type: DataType): Scalar {
  const isDate = type.kind === 'primitive' && type.name === 'date';
  return isDate ? FIRST_GREGORIAN_DAY : BigInt(FIRST_GREGORIAN_DAY) * MICROS_PER_DAY;
}

function holdsDays(type: DataType): boolean {
  if (type.kind === 'primitive') return type.name === 'date' || type.name === 'timestamp';
  if (type.kind === 'struct') return type.fields.some((field) => holdsDays(field.type));
  if (type.kind === 'array') return holdsDays(type.element);
  return type.kind === 'map' && (holdsDays(type.key) || holdsDays(type.value));
}
