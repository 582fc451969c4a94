/** Rows as Avro messages of a registered schema, in Confluent's envelope. */

import { readFile } from 'node:fs/promises';

import {
  type AvroEncoder,
  type AvroSchema,
  avroToDelta,
  compileEncoder,
  parseAvroSchema,
} from '../avro/index.ts';
import {
  type DataType,
  findField,
  type Row,
  type RowValue,
  type StructType,
} from '../schema/index.ts';
import type { Post } from './job.ts';
import { openRegistryOf } from './connect.ts';
import { fileMissing, messageFieldMissing } from './errors.ts';
import type { Run } from './job-context.ts';
import { isList, isRow, pairsOf } from './row-parts.ts';

/** Makes messages of rows whose columns are those of `schema`. Errors: `MESSAGE_FIELD_MISSING`. */
export type AvroMessages = (schema: StructType) => AvroEncoder;

/**
 * Reads the schema and registers it under its subject, unless it is there already. A row gives each field the column of
 * its name, found ignoring case, in structs too; a field without a column is null.
 * Errors: `CONFIG_FILE_MISSING`, those of the registry and of `compileEncoder`.
 */
export async function openAvroMessages(
  run: Run,
  { subject, schemaFile }: Extract<Post['value'], { readonly format: 'avro' }>,
): Promise<AvroMessages> {
  const text = await readText(schemaFile);
  const schema: AvroSchema = parseAvroSchema(text);
  const registry = await openRegistryOf(run.config, run.context);
  const id =
    (await registry.lookup(subject, text, run.signal)) ??
    (await registry.register(subject, text, run.signal));
  const encode = await compileEncoder(schema, id);
  const target = avroToDelta(schema);
  return (source) => {
    const align = alignStruct(target, source, '');
    return (row) => encode(align(row));
  };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw fileMissing(file, error);
  }
}

/** The row by the names of `target`. `prefix` is for messages. */
function alignStruct(target: StructType, source: StructType, prefix: string): (row: Row) => Row {
  const members = target.fields.map(({ name, type, nullable }) => {
    const field = findField(source, name);
    if (field === null && !nullable) throw messageFieldMissing(prefix + name);
    const align = field === null ? asItIs : alignValue(type, field.type, prefix + name);
    return { name, from: field?.name ?? name, align };
  });
  return (row) =>
    Object.fromEntries(
      members.map(({ name, from, align }) => [name, nullOr(align, row[from] ?? null)]),
    );
}

type Align = (value: NonNullable<RowValue>) => RowValue;

/** Types that are not alike stay as they are: the encoder says what does not fit. */
function alignValue(target: DataType, source: DataType, path: string): Align {
  if (target.kind === 'struct' && source.kind === 'struct') {
    const align = alignStruct(target, source, `${path}.`);
    return (value) => (isRow(value) ? align(value) : value);
  }
  if (target.kind === 'array' && source.kind === 'array') {
    const align = alignValue(target.element, source.element, `${path}.element`);
    if (align === asItIs) return asItIs;
    return (value) => (isList(value) ? value.map((item) => nullOr(align, item)) : value);
  }
  if (target.kind === 'map' && source.kind === 'map') {
    const align = alignValue(target.value, source.value, `${path}.value`);
    if (align === asItIs) return asItIs;
    return (value) => pairsOf(value).map(([key, item]) => [key, nullOr(align, item)]);
  }
  return asItIs;
}

const asItIs: Align = (value) => value;

function nullOr(align: Align, value: RowValue): RowValue {
  return value === null ? null : align(value);
}
