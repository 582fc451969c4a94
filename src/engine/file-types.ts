/** What the engine makes of a Parquet column, and how it becomes a value of the table's type. */

import { present } from '../base/index.ts';
import type { LogicalType, ParquetNode } from '../parquet/index.ts';
import type { DataType, MappingMode, StructType } from '../schema/index.ts';
import { floorDivided } from './casts.ts';
import { duckType } from './duck-type.ts';
import { fileTypeUnfit } from './errors.ts';
import { matchField } from './field-match.ts';
import { fromJulian } from './old-calendar.ts';
import { identifier, literal } from './quote.ts';
import { is, typeText } from './type-rules.ts';
import type { Binder } from './typed.ts';

export interface ConvertOptions {
  readonly mapping: MappingMode;
  readonly binder: Binder;
  /** For messages. */
  readonly path: string;
}

/** The engine's type of a column it reads, or null where it has none for it. */
export function readType(node: ParquetNode): string | null {
  if (node.repetition === 'REPEATED') {
    const element = readOnce(node);
    return element === null ? null : `${element}[]`;
  }
  return readOnce(node);
}

/** `sql`, which reads `node`, as a value of `type`; itself where nothing is to be done. */
export function convertNode(
  sql: string,
  node: ParquetNode,
  type: DataType,
  options: ConvertOptions,
): string {
  const target = duckType(type);
  // A column of no type, as some writers make of nulls alone, is null in every type.
  const isNull = is(type, 'void') || node.logicalType?.kind === 'unknown';
  if (isNull) return `CAST(NULL AS ${target})`;
  if (type.kind === 'struct') return convertStruct(sql, node, type, options);
  if (type.kind === 'array') return convertArray(sql, node, type.element, options);
  if (type.kind === 'map') return convertMap(sql, node, type, options);
  const source = readType(node);
  if (source === null || node.children.length > 0) {
    throw fileTypeUnfit(options.path, source ?? 'an unknown type', typeText(type));
  }
  const value = source === target ? sql : convertLeaf(sql, source, type, options);
  const isOld = node.calendar === 'julian' && is(type, 'date', 'timestamp');
  return isOld ? fromJulian(value, type, options.binder) : value;
}

function convertLeaf(
  sql: string,
  source: string,
  type: DataType,
  { path, binder }: ConvertOptions,
): string {
  const target = duckType(type);
  if (is(type, 'string')) {
    if (source === 'BLOB') return `decode(${sql})`;
    if (source === 'UUID' || source === 'JSON') return `CAST(${sql} AS VARCHAR)`;
    throw fileTypeUnfit(path, source, typeText(type));
  }
  if (is(type, 'binary')) {
    if (source === 'VARCHAR') return `encode(${sql})`;
    if (source === 'UUID') return `unhex(replace(CAST(${sql} AS VARCHAR), '-', ''))`;
    throw fileTypeUnfit(path, source, typeText(type));
  }
  if (!fits(source, type)) throw fileTypeUnfit(path, source, typeText(type));
  if (source === 'TIMESTAMP_NS') {
    // The engine's own cast rounds towards 1970.
    const micros = binder.bind(`epoch_ns(${sql})`, (nanos) => floorDivided(nanos, 1000));
    return `CAST(make_timestamp(${micros}) AS ${target})`;
  }
  return `CAST(${sql} AS ${target})`;
}

const INTEGERS = /^U?(?:TINYINT|SMALLINT|INTEGER|BIGINT)$/;

/** Whether the engine's cast keeps the meaning: wider numbers and datetimes; a value that does not fit is an error. */
function fits(source: string, type: DataType): boolean {
  if (is(type, 'byte', 'short', 'integer', 'long')) return INTEGERS.test(source);
  if (is(type, 'float')) return source === 'FLOAT';
  if (is(type, 'double')) return source === 'FLOAT' || INTEGERS.test(source);
  if (type.kind === 'decimal') {
    // The engine's cast rounds what has more digits after the point, without an error.
    const scale = /^DECIMAL\(\d+, ?(\d+)\)$/.exec(source)?.[1];
    return scale === undefined ? INTEGERS.test(source) : Number(scale) <= type.scale;
  }
  if (is(type, 'timestamp', 'timestamp_ntz')) return /^(?:DATE$|TIMESTAMP)/.test(source);
  return false;
}

function convertStruct(
  sql: string,
  node: ParquetNode,
  type: StructType,
  options: ConvertOptions,
): string {
  const source = readType(node) ?? 'an unknown type';
  if (!source.startsWith('STRUCT(') || source.endsWith('[]')) {
    throw fileTypeUnfit(options.path, source, typeText(type));
  }
  if (source === duckType(type) && keepsFields(node, type, options)) return sql;
  const pack = (value: string): string => {
    const parts = type.fields.map((field) => {
      const child = matchField(field, node.children, options.mapping);
      const part =
        child === null
          ? `CAST(NULL AS ${duckType(field.type)})`
          : convertNode(`struct_extract(${value}, ${literal(child.name)})`, child, field.type, {
              ...options,
              path: `${options.path}.${field.name}`,
            });
      return `${identifier(field.name)} := ${part}`;
    });
    return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
  };
  return options.binder.bind(sql, pack);
}

function convertArray(
  sql: string,
  node: ParquetNode,
  element: DataType,
  options: ConvertOptions,
): string {
  const item = listElement(node);
  if (item === null) {
    throw fileTypeUnfit(
      options.path,
      readType(node) ?? 'an unknown type',
      `array<${typeText(element)}>`,
    );
  }
  const source = `${readOnce(item) ?? ''}[]`;
  if (source === `${duckType(element)}[]` && keepsFields(node, element, options)) return sql;
  const lambda = options.binder.element((name) =>
    convertNode(name, { ...item, repetition: 'OPTIONAL' }, element, {
      ...options,
      path: `${options.path}.element`,
    }),
  );
  return `list_transform(${sql}, ${lambda})`;
}

function convertMap(
  sql: string,
  node: ParquetNode,
  type: Extract<DataType, { kind: 'map' }>,
  options: ConvertOptions,
): string {
  const entry = mapEntry(node);
  if (entry === null) {
    throw fileTypeUnfit(options.path, readType(node) ?? 'an unknown type', typeText(type));
  }
  if (readType(node) === duckType(type) && keepsFields(node, type, options)) return sql;
  const { key, value } = entry;
  const lambda = options.binder.element((name) => {
    const part = (field: 'key' | 'value', child: ParquetNode, target: DataType): string =>
      convertNode(`struct_extract(${name}, '${field}')`, child, target, {
        ...options,
        path: `${options.path}.${field}`,
      });
    return `struct_pack("key" := ${part('key', key, type.key)}, "value" := ${part('value', value, type.value)})`;
  });
  return `map_from_entries(list_transform(map_entries(${sql}), ${lambda}))`;
}

/**
 * Whether equal types mean equal values: fields of equal names are the same ones, and days are of one calendar. Under column
 * mapping fields need not be the same: of two columns, each may have been given the other's name since.
 */
function keepsFields(node: ParquetNode, type: DataType, { mapping }: ConvertOptions): boolean {
  return (mapping === 'none' || !holdsStruct(type)) && !holdsJulian(node);
}

function holdsJulian({ calendar, children }: ParquetNode): boolean {
  return calendar === 'julian' || children.some(holdsJulian);
}

function holdsStruct(type: DataType): boolean {
  if (type.kind === 'array') return holdsStruct(type.element);
  if (type.kind === 'map') return holdsStruct(type.key) || holdsStruct(type.value);
  return type.kind === 'struct';
}

function readOnce(node: ParquetNode): string | null {
  if (node.physicalType !== null) return leafType(node);
  if (node.logicalType?.kind === 'variant') return null;
  const entry = mapEntry(node);
  if (entry !== null) {
    const [key, value] = [readType(entry.key), readType(entry.value)];
    return key === null || value === null ? null : `MAP(${key}, ${value})`;
  }
  const element = node.repetition === 'REPEATED' ? null : listElement(node);
  if (element !== null) {
    const type = readOnce(element);
    return type === null ? null : `${type}[]`;
  }
  const fields = node.children.map(
    (child) => `${identifier(child.name)} ${readType(child) ?? '?'}`,
  );
  return `STRUCT(${fields.join(', ')})`;
}

/**
 * The node of a list's elements; null where the node is no list. The rules for files without the three levels are those
 * of the Parquet format, "LogicalTypes: Lists".
 */
function listElement(node: ParquetNode): ParquetNode | null {
  if (node.repetition === 'REPEATED') return node;
  const [repeated] = node.children;
  if (node.logicalType?.kind !== 'list' || repeated === undefined) return null;
  const [only] = repeated.children;
  const isElement =
    only === undefined ||
    repeated.children.length > 1 ||
    repeated.name === 'array' ||
    repeated.name === `${node.name}_tuple`;
  return isElement ? repeated : only;
}

function mapEntry(
  node: ParquetNode,
): { readonly key: ParquetNode; readonly value: ParquetNode } | null {
  if (node.logicalType?.kind !== 'map') return null;
  const entries = node.children[0]?.children ?? [];
  return entries.length === 2
    ? { key: present(entries[0], 'the key'), value: present(entries[1], 'the value') }
    : null;
}

function leafType(node: ParquetNode): string | null {
  const { logicalType: logical } = node;
  switch (node.physicalType) {
    case 'BOOLEAN':
      return 'BOOLEAN';
    case 'INT32':
    case 'INT64':
      return integerType(node.physicalType, logical);
    case 'INT96':
      return 'TIMESTAMP';
    case 'FLOAT':
      return 'FLOAT';
    case 'DOUBLE':
      return 'DOUBLE';
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return bytesType(logical);
    default:
      return null;
  }
}

function integerType(physical: 'INT32' | 'INT64', logical: LogicalType | null): string | null {
  const plain = physical === 'INT32' ? 'INTEGER' : 'BIGINT';
  switch (logical?.kind) {
    case undefined:
      return plain;
    case 'integer': {
      const sizes: Readonly<Record<number, string>> = {
        8: 'TINYINT',
        16: 'SMALLINT',
        32: 'INTEGER',
        64: 'BIGINT',
      };
      return `${logical.signed ? '' : 'U'}${sizes[logical.bitWidth] ?? plain}`;
    }
    case 'date':
      return 'DATE';
    case 'decimal':
      return decimalType(logical);
    case 'timestamp':
      if (logical.adjustedToUtc) return 'TIMESTAMP WITH TIME ZONE';
      return logical.unit === 'ns' ? 'TIMESTAMP_NS' : 'TIMESTAMP';
    default:
      return null;
  }
}

function bytesType(logical: LogicalType | null): string | null {
  switch (logical?.kind) {
    case undefined:
    case 'bson':
      return 'BLOB';
    case 'string':
    case 'enum':
      return 'VARCHAR';
    case 'json':
      return 'JSON';
    case 'uuid':
      return 'UUID';
    case 'float16':
      return 'FLOAT';
    case 'decimal':
      return decimalType(logical);
    default:
      return null;
  }
}

/** The engine reads wider decimals as other numbers. */
const PRECISION_MAX = 38;

function decimalType({
  precision,
  scale,
}: Extract<LogicalType, { readonly kind: 'decimal' }>): string | null {
  return precision > PRECISION_MAX ? null : `DECIMAL(${String(precision)}, ${String(scale)})`;
}
