/** Expressions as Spark evaluates them: the same types, the same values, the same failures. */

import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  isDeltaError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../src/base/index.ts';
import {
  duckType,
  type EngineValue,
  identifier,
  literal,
  openSession,
  scopeOf,
  type Session,
  translate,
} from '../../src/engine/index.ts';
import {
  type DataType,
  parseDdl,
  parseExpression,
  parseType,
  type StructType,
} from '../../src/schema/index.ts';

const FOLDER = new URL('../../fixtures/expressions/', import.meta.url);

/** What Spark computes and this engine refuses by name, on purpose. */
const REFUSED: ReadonlySet<string> = new Set([
  "t RLIKE '[[:alpha:]]'",
  "t RLIKE '(?i)hello'",
  'ts - ts',
]);

const input = objectOf(parseJson(await readFile(new URL('expressions.json', FOLDER), 'utf8')));
const recorded = objectOf(parseJson(await readFile(new URL('spark-4.2.json', FOLDER), 'utf8')));
const columns = objectOf(input['columns']);
const schema: StructType = parseDdl(
  Object.entries(columns)
    .map(([name, ddl]) => `${name} ${textOf(ddl)}`)
    .join(', '),
);
const rows = listOf(input['rows']).map(objectOf);

let session: Session;

beforeAll(async () => {
  session = await openSession({ threads: 1 });
  const selects = rows.map((row, index) => {
    const cells = schema.fields.map(
      ({ name, type }) => `${cellSql(row[name] ?? null, type)} AS ${identifier(name)}`,
    );
    return `SELECT ${String(index)} AS "row", ${cells.join(', ')}`;
  });
  await session.run(`CREATE TABLE input AS ${selects.join(' UNION ALL ')}`);
});

afterAll(async () => {
  await session.close();
});

describe('as Spark', () => {
  for (const entry of listOf(recorded['cases']).map(objectOf)) {
    const expression = textOf(entry['expression']);
    if (REFUSED.has(expression)) continue;
    test(expression, async () => {
      if (entry['error'] !== undefined) {
        const failed = await outcome(expression);
        expect(failed, `Spark: ${textOf(entry['error'])}`).toHaveProperty('refused');
        return;
      }
      const found = await outcome(expression);
      const values = listOf(entry['values']).map((value) =>
        isJsonObject(value) ? 'fails' : value,
      );
      expect(found).toEqual({ type: typeKey(parseType(textOf(entry['type']))), values });
    });
  }
});

describe('refused by name', () => {
  for (const expression of REFUSED) {
    test(expression, async () => {
      expect(await outcome(expression)).toHaveProperty('refused', 'EXPRESSION_UNSUPPORTED');
    });
  }
});

type Outcome =
  { readonly refused: string } | { readonly type: string; readonly values: readonly JsonValue[] };

async function outcome(expression: string): Promise<Outcome> {
  try {
    const { sql, type } = translate(parseExpression(expression), scopeOf(schema));
    const values: JsonValue[] = [];
    for (let row = 0; row < rows.length; row += 1) values.push(await valueAt(sql, type, row));
    return { type: typeKey(type), values };
  } catch (error) {
    if (isDeltaError(error) && error.code.startsWith('EXPRESSION_')) return { refused: error.code };
    throw error;
  }
}

async function valueAt(sql: string, type: DataType, row: number): Promise<JsonValue> {
  try {
    // The type that was promised must be the type that comes.
    const query = `SELECT ${sql} AS v, typeof(${sql}) AS t FROM input WHERE "row" = ${String(row)}`;
    const [found] = await session.query(query);
    if (found?.['t'] !== '"NULL"') {
      expect(textOf(found?.['t']).replaceAll(/[" ]/g, '')).toBe(
        duckType(type).replaceAll(/[" ]/g, ''),
      );
    }
    return valueText(found?.['v'] ?? null, type);
  } catch (error) {
    if (isDeltaError(error, 'ENGINE_VALUE')) return 'fails';
    throw error;
  }
}

/** A value as the recording writes it; numbers that Python and JavaScript print apart are read back. */
function valueText(value: EngineValue, type: DataType): JsonValue {
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

function typeKey(type: DataType): string {
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

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error('the recording is damaged');
  return value;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  if (!isJsonObject(value)) throw new Error('the recording is damaged');
  return value;
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  if (!Array.isArray(value)) throw new Error('the recording is damaged');
  return value;
}
