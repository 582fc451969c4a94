/** What Spark answered, as `fixtures/expressions` has it: the rows that it was asked over, and values as they are written. */

import { readFile } from 'node:fs/promises';

import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../src/base/index.ts';
import { duckType, type EngineValue, identifier, literal } from '../../src/engine/index.ts';
import { type DataType, parseDdl, type StructType } from '../../src/schema/index.ts';

const FOLDER = new URL('../../fixtures/expressions/', import.meta.url);

export async function readRecording(name: string): Promise<JsonObject> {
  return objectOf(parseJson(await readFile(new URL(name, FOLDER), 'utf8')));
}

export interface RecordedInput {
  readonly schema: StructType;
  readonly rowCount: number;
  /** The rows as a SELECT, each with its number as `row`. */
  readonly select: string;
}

export async function recordedInput(): Promise<RecordedInput> {
  const input = await readRecording('expressions.json');
  const schema = parseDdl(
    Object.entries(objectOf(input['columns']))
      .map(([name, ddl]) => `${name} ${textOf(ddl)}`)
      .join(', '),
  );
  const rows = listOf(input['rows']).map(objectOf);
  const selects = rows.map((row, index) => {
    const cells = schema.fields.map(
      ({ name, type }) => `${cellSql(row[name] ?? null, type)} AS ${identifier(name)}`,
    );
    return `SELECT ${String(index)} AS "row", ${cells.join(', ')}`;
  });
  return { schema, rowCount: rows.length, select: selects.join(' UNION ALL ') };
}

/** A value as the recording writes it; numbers that Python and JavaScript print apart are read back. */
export function valueText(value: EngineValue, type: DataType): JsonValue {
  if (value === null || typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (type.kind === 'struct' && typeof value === 'object' && !Array.isArray(value)) {
    const members = Object.values(value);
    return type.fields.map((field, index) => valueText(members[index] ?? null, field.type));
  }
  if (Array.isArray(value) && type.kind === 'array') {
    return value.map((item: EngineValue) => valueText(item, type.element));
  }
  if (typeof value === 'bigint' && type.kind === 'decimal') return decimalText(value, type.scale);
  if (typeof value === 'number' && type.kind === 'primitive' && /float|double/.test(type.name)) {
    return pythonNumber(value);
  }
  return textOf(typeof value === 'number' || typeof value === 'bigint' ? String(value) : value);
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return unscaled < 0n ? `-${text}` : text;
}

function pythonNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [digits = '', exponent = ''] = magnitude.toExponential().split('e');
    return `${sign}${digits}e${exponent.replace(/^([+-])(\d)$/, '$10$2')}`;
  }
  const text = String(magnitude);
  return `${sign}${text.includes('.') ? text : `${text}.0`}`;
}

export function typeKey(type: DataType): string {
  return duckType(type);
}

function cellSql(value: JsonValue, type: DataType): string {
  if (value === null) return `CAST(NULL AS ${duckType(type)})`;
  if (type.kind === 'array') {
    return `CAST([${listOf(value)
      .map((item) => cellSql(item, type.element))
      .join(', ')}] AS ${duckType(type)})`;
  }
  if (type.kind === 'map') {
    const pairs = listOf(value).map((pair) => {
      const [key = null, item = null] = listOf(pair);
      return `${cellSql(key, type.key)}: ${cellSql(item, type.value)}`;
    });
    return `CAST(MAP {${pairs.join(', ')}} AS ${duckType(type)})`;
  }
  if (type.kind === 'struct') {
    const parts = type.fields.map(
      (field, index) =>
        `${identifier(field.name)} := ${cellSql(listOf(value)[index] ?? null, field.type)}`,
    );
    return `struct_pack(${parts.join(', ')})`;
  }
  if (type.kind === 'primitive' && type.name === 'binary')
    return `unhex(${literal(textOf(value))})`;
  return `CAST(${literal(textOf(value))} AS ${duckType(type)})`;
}

export function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error('the recording is damaged');
  return value;
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  if (!isJsonObject(value)) throw new Error('the recording is damaged');
  return value;
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  if (!Array.isArray(value)) throw new Error('the recording is damaged');
  return value;
}
