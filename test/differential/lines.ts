/** The canonical lines of rows, `deltacanon-1`, made without the engine: what two tables are compared by. */

import { createHash } from 'node:crypto';

import type { DataType, Row, RowValue, StructType } from '../../src/schema/index.ts';

/** The lines of rows in the order of their bytes. */
export function linesOf(rows: Iterable<Row>, schema: StructType): readonly string[] {
  return Array.from(rows, (row) => textOf(row, schema)).sort(byBytes);
}

/** As `DeltaTable.checksum` gives it. */
export function hashOf(lines: readonly string[]): string {
  return createHash('sha256')
    .update(lines.map((line) => `${line}\n`).join(''), 'utf8')
    .digest('hex');
}

export function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left, 'utf8'), Buffer.from(right, 'utf8'));
}

/** A value of a row, in the form that a scan gives, as JSON in which equal values are equal. */
export function textOf(value: RowValue | undefined, type: DataType): string {
  if (value === null || value === undefined) return 'null';
  switch (type.kind) {
    case 'struct': {
      const fields = type.fields.toSorted((left, right) => byBytes(left.name, right.name));
      const parts = fields.map(
        ({ name, type }) => `${JSON.stringify(name)}:${textOf(memberOf(value, name), type)}`,
      );
      return `{${parts.join(',')}}`;
    }
    case 'array':
      return `[${listOf(value)
        .map((item) => textOf(item, type.element))
        .join(',')}]`;
    case 'map': {
      const entries = listOf(value).map((entry) => {
        const [key = null, item = null] = listOf(entry);
        return [textOf(key, type.key), textOf(item, type.value)] as const;
      });
      const sorted = entries.sort(([left], [right]) => byBytes(left, right));
      return `[${sorted.map(([key, item]) => `[${key},${item}]`).join(',')}]`;
    }
    default:
      return scalarText(value);
  }
}

/** A field of a struct, or a column of a row; null of what is no struct. */
export function memberOf(value: RowValue | undefined, name: string): RowValue {
  const isStruct =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array);
  if (!isStruct) return null;
  const member: unknown = Reflect.get(value, name);
  return member === undefined ? null : (member as RowValue);
}

export function listOf(value: RowValue): readonly RowValue[] {
  return Array.isArray(value) ? value : [];
}

/** A number, text or boolean as it is printed. */
export function plainText(value: RowValue): string {
  return typeof value === 'object' ? '' : String(value);
}

function scalarText(value: RowValue): string {
  if (value instanceof Uint8Array) return `"0x${Buffer.from(value).toString('hex')}"`;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${String(value)}"`;
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}
