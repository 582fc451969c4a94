/** The columns of Parquet files as a Delta schema, for files that no schema was declared for. */

import {
  judgeVerbatim,
  type LogicalType,
  type ParquetFooter,
  type ParquetNode,
  unknownColumn,
} from '../../parquet/index.ts';
import {
  BINARY,
  BOOLEAN,
  BYTE,
  checkColumnNames,
  type DataType,
  DATE,
  decimalType,
  DOUBLE,
  findField,
  FLOAT,
  INTEGER,
  LONG,
  SHORT,
  STRING,
  type StructField,
  type StructType,
  TIMESTAMP,
  TIMESTAMP_NTZ,
  typeName,
  typesEqual,
} from '../../schema/index.ts';
import { columnTypeUnknown, sourceTypesMixed } from './errors.ts';

/** A file that is read together with others. */
export interface SchemaFile {
  /** For messages. */
  readonly uri: string;
  readonly footer: ParquetFooter;
}

/**
 * The columns that any of the files has, by name ignoring case, as the first one spells them. Where types differ, the
 * first that can hold the values of all files, by the rules for files that are appended.
 * Errors: `MERGE_SOURCE_MIXED` (invalid) where there is none, `SCHEMA_DUPLICATE_COLUMN` and `SCHEMA_COLUMN_NAME` (invalid),
 * since the engine could not tell names apart that differ only by case, `INPUT_TYPE_UNKNOWN` (unsupported).
 */
export function schemaOfFiles(files: readonly SchemaFile[]): StructType {
  const columns = new Map<StructField, DataType[]>();
  for (const { footer } of files) {
    const known: StructType = { kind: 'struct', fields: [...columns.keys()] };
    for (const field of schemaOfColumns(footer.columns).fields) {
      const types = columns.get(findField(known, field.name) ?? field);
      if (types === undefined) columns.set(field, [field.type]);
      else if (!types.some((type) => typesEqual(type, field.type))) types.push(field.type);
    }
  }
  const fields = Array.from(columns, ([field, types]) =>
    types.length === 1 ? field : withTypeOfAll(field, types, files),
  );
  const schema: StructType = { kind: 'struct', fields };
  checkColumnNames(schema, { isMapped: true });
  return schema;
}

function withTypeOfAll(
  field: StructField,
  types: readonly DataType[],
  files: readonly SchemaFile[],
): StructField {
  const holders = files.filter(({ footer }) => ownType(footer, field) !== null);
  for (const type of types) {
    if (holders.every(({ footer }) => holds({ ...field, type }, footer))) return { ...field, type };
  }
  const odd = holders.find(({ footer }) => !holds(field, footer)) ?? holders[0];
  throw sourceTypesMixed(odd?.uri ?? '', {
    column: field.name,
    type: typeName((odd === undefined ? null : ownType(odd.footer, field)) ?? field.type),
    others: typeName(field.type),
  });
}

function ownType({ columns }: ParquetFooter, { name }: StructField): DataType | null {
  return findField(schemaOfColumns(columns), name)?.type ?? null;
}

/** Whether the file's values of this column, all that is in them, become values of the field. */
function holds(field: StructField, footer: ParquetFooter): boolean {
  const schema: StructType = { kind: 'struct', fields: [field] };
  const own = footer.columns.filter(({ name }) => findField(schema, name) !== null);
  return judgeVerbatim(footer, schema).kind !== 'reject' && unknownColumn(own, schema) === null;
}

/** All fields are nullable: what a file happens to hold is no promise. Errors: `INPUT_TYPE_UNKNOWN` (unsupported). */
export function schemaOfColumns(columns: readonly ParquetNode[]): StructType {
  return { kind: 'struct', fields: columns.map((node) => fieldOf(node, node.name)) };
}

function fieldOf(node: ParquetNode, path: string): StructField {
  return { name: node.name, type: typeOf(node, path), nullable: true, metadata: {} };
}

function typeOf(node: ParquetNode, path: string): DataType {
  if (node.repetition !== 'REPEATED') return singleType(node, path);
  return { kind: 'array', element: singleType(node, path), containsNull: false };
}

function singleType(node: ParquetNode, path: string): DataType {
  if (node.physicalType !== null) {
    const type = leafType(node);
    if (type === null) throw columnTypeUnknown(path, node.logicalType?.kind ?? node.physicalType);
    return type;
  }
  const [inner] = node.children;
  if (node.logicalType?.kind === 'list' && inner !== undefined) {
    const [only, ...others] = inner.children;
    const element =
      only === undefined || others.length > 0
        ? { ...inner, repetition: 'REQUIRED' as const }
        : only;
    return { kind: 'array', element: typeOf(element, `${path}.element`), containsNull: true };
  }
  if (node.logicalType?.kind === 'map' && inner !== undefined) {
    const [key, value] = inner.children;
    if (key !== undefined && value !== undefined) {
      return {
        kind: 'map',
        key: typeOf(key, `${path}.key`),
        value: typeOf(value, `${path}.value`),
        valueContainsNull: true,
      };
    }
  }
  return {
    kind: 'struct',
    fields: node.children.map((child) => fieldOf(child, `${path}.${child.name}`)),
  };
}

function leafType({ physicalType, logicalType }: ParquetNode): DataType | null {
  if (logicalType !== null) return logicalLeaf(logicalType);
  switch (physicalType) {
    case 'BOOLEAN':
      return BOOLEAN;
    case 'INT32':
      return INTEGER;
    case 'INT64':
      return LONG;
    case 'INT96':
      return TIMESTAMP;
    case 'FLOAT':
      return FLOAT;
    case 'DOUBLE':
      return DOUBLE;
    default:
      return BINARY;
  }
}

function logicalLeaf(logical: LogicalType): DataType | null {
  switch (logical.kind) {
    case 'string':
    case 'enum':
    case 'json':
    case 'uuid':
      return STRING;
    case 'bson':
      return BINARY;
    case 'date':
      return DATE;
    case 'float16':
      return FLOAT;
    case 'decimal':
      return decimalType(logical.precision, logical.scale);
    case 'timestamp':
      return logical.adjustedToUtc ? TIMESTAMP : TIMESTAMP_NTZ;
    case 'integer':
      return integerType(logical.signed ? logical.bitWidth : logical.bitWidth + 1);
    default:
      return null;
  }
}

/** The least type of that many bits, the sign included; 64 bits without a sign are checked value by value. */
function integerType(bits: number): DataType {
  if (bits <= 8) return BYTE;
  if (bits <= 16) return SHORT;
  return bits <= 32 ? INTEGER : LONG;
}
