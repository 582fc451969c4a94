/**
 * The canonical text of a row, `deltacanon-1`: one JSON text without spaces in which equal values have equal texts, so
 * that two engines can be compared by the sorted lines. Keys are in the order of their UTF-8 bytes; numbers are as
 * ECMAScript prints them, with `-0`; what JSON has no number for is a string; decimals, dates and times are strings.
 */

import { unreachable } from '../base/index.ts';
import type { DataType, PrimitiveName, StructField, StructType } from '../schema/index.ts';
import { farTimeText } from './far-times.ts';
import { decimalText, ecmaNumberText } from './number-text.ts';
import { identifier, literal } from './quote.ts';
import { Binder, constantSql } from './typed.ts';

/** SQL for the line of one row, over columns named as the fields of `schema`. */
export function canonicalLineSql(schema: StructType): string {
  const binder = new Binder();
  return objectText(schema.fields, (field) => identifier(field.name), binder);
}

function objectText(
  fields: readonly StructField[],
  source: (field: StructField) => string,
  binder: Binder,
): string {
  const sorted = fields.toSorted((left, right) =>
    Buffer.compare(utf8(left.name), utf8(right.name)),
  );
  const members = sorted.map((field, index) => {
    const key = `${index === 0 ? '{' : ','}${JSON.stringify(field.name)}:`;
    return `${literal(key)}, ${valueText(source(field), field.type, binder)}`;
  });
  // One call, since operators nest, and the engine bounds how deep; no part of it is null.
  return members.length === 0 ? "'{}'" : `concat(${members.join(', ')}, '}')`;
}

/** The JSON text of a value: `null` where it is missing. */
function valueText(sql: string, type: DataType, binder: Binder): string {
  switch (type.kind) {
    case 'primitive':
      return type.name === 'void' ? "'null'" : orNull(primitiveText(sql, type.name, binder));
    case 'decimal':
      return orNull(quoted(decimalText(sql, type)));
    case 'array': {
      const item = binder.element((name) => valueText(name, type.element, binder));
      return orNull(`('[' || array_to_string(list_transform(${sql}, ${item}), ',') || ']')`);
    }
    case 'map':
      return orNull(mapText(sql, type, binder));
    case 'struct':
      return binder.bind(
        sql,
        (value) =>
          `CASE WHEN ${value} IS NULL THEN 'null' ELSE ` +
          `${objectText(type.fields, (field) => `struct_extract(${value}, ${literal(field.name)})`, binder)} END`,
      );
    default:
      return unreachable(type);
  }
}

function mapText(sql: string, type: Extract<DataType, { kind: 'map' }>, binder: Binder): string {
  const pair = binder.element(
    (entry) =>
      `struct_pack(k := ${valueText(`${entry}.key`, type.key, binder)}, ` +
      `v := ${valueText(`${entry}.value`, type.value, binder)})`,
  );
  const text = binder.element((name) => `'[' || ${name}.k || ',' || ${name}.v || ']'`);
  const sorted = `list_sort(list_transform(map_entries(${sql}), ${pair}))`;
  return `('[' || array_to_string(list_transform(${sorted}, ${text}), ',') || ']')`;
}

function primitiveText(sql: string, name: PrimitiveName, binder: Binder): string {
  switch (name) {
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'void':
      return `CAST(${sql} AS VARCHAR)`;
    case 'float':
    case 'double':
      return ecmaNumberText(`CAST(${sql} AS DOUBLE)`, binder);
    case 'string':
    case 'variant':
      return jsonText(sql, binder);
    case 'binary':
      return quoted(`'0x' || lower(hex(${sql}))`);
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
      return quoted(timeText(sql, name, binder));
    default:
      return unreachable(name);
  }
}

const TIME_FORMATS = {
  date: '',
  timestamp: 'T%H:%M:%S.%fZ',
  timestamp_ntz: 'T%H:%M:%S.%f',
} as const;
/** 0000-01-01 and 9999-12-31 in days since 1970. */
const NEAR_DAYS = { first: -719_528n, last: 2_932_896n };
const MICROS_PER_DAY = 86_400_000_000n;

/** Years outside 0 to 9999 have a sign and six digits. */
function timeText(sql: string, name: keyof typeof TIME_FORMATS, binder: Binder): string {
  const type: DataType = { kind: 'primitive', name };
  const rest = `-%m-%d${TIME_FORMATS[name]}`;
  const [first, last] =
    name === 'date'
      ? [NEAR_DAYS.first, NEAR_DAYS.last]
      : [NEAR_DAYS.first * MICROS_PER_DAY, (NEAR_DAYS.last + 1n) * MICROS_PER_DAY - 1n];
  return binder.bind(sql, (value) => {
    const wall = name === 'timestamp' ? `CAST(${value} AS TIMESTAMP)` : value;
    const near = `lpad(CAST(year(${wall}) AS VARCHAR), 4, '0') || strftime(${wall}, ${literal(rest)})`;
    const far = farTimeText(value, type, binder, (year, sameDay) =>
      [
        `CASE WHEN ${year} < 0 THEN '-' ELSE '+' END`,
        `format('{:06d}', abs(${year}))`,
        `strftime(${sameDay}, ${literal(rest)})`,
      ].join(' || '),
    );
    const isNear = `${value} BETWEEN ${constantSql(first, type)} AND ${constantSql(last, type)}`;
    return `(CASE WHEN ${isNear} THEN ${near} ELSE ${far} END)`;
  });
}

const CONTROL_ESCAPES: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
};

/** As `JSON.stringify`: only the quote, the backslash and control characters are escaped. */
function jsonText(sql: string, binder: Binder): string {
  return binder.bind(sql, (text) => {
    const basic = `replace(replace(${text}, '\\', '\\\\'), '"', '\\"')`;
    let full = basic;
    for (let code = 0; code < 32; code += 1) {
      const escape = CONTROL_ESCAPES[code] ?? `\\u${code.toString(16).padStart(4, '0')}`;
      full = `replace(${full}, chr(${String(code)}), '${escape}')`;
    }
    return (
      `('"' || CASE WHEN regexp_matches(${text}, '[\\x00-\\x1f]') THEN ${full} ` +
      `WHEN contains(${text}, '"') OR contains(${text}, '\\') THEN ${basic} ELSE ${text} END || '"')`
    );
  });
}

function quoted(sql: string): string {
  return `('"' || ${sql} || '"')`;
}

function orNull(sql: string): string {
  return `coalesce(${sql}, 'null')`;
}

function utf8(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}
