/** Expressions as Spark evaluates them: the same types, the same values, the same failures. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isDeltaError, isJsonObject, type JsonValue } from '../../src/base/index.ts';
import { duckType, openSession, scopeOf, type Session, translate } from '../../src/engine/index.ts';
import { type DataType, parseDdl, parseExpression, parseType } from '../../src/schema/index.ts';
import {
  listOf,
  objectOf,
  readRecording,
  recordedInput,
  textOf,
  typeKey,
  valueText,
} from './recording.ts';

/** What Spark computes and this engine refuses by name, on purpose. */
const REFUSED: ReadonlySet<string> = new Set([
  "t RLIKE '[[:alpha:]]'",
  "t RLIKE '(?i)hello'",
  'ts - ts',
]);

const input = await recordedInput();
const { schema } = input;
const recorded = await readRecording('spark-4.2.json');

let session: Session;

beforeAll(async () => {
  session = await openSession({ threads: 1 });
  await session.run(`CREATE TABLE input AS ${input.select}`);
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

test.each([
  ['CAST(ts AS STRING)', "'infinity'::TIMESTAMPTZ", '+294247-01-10 04:00:54.775807'],
  ['CAST(ts AS STRING)', "'-infinity'::TIMESTAMPTZ", '-290308-12-21 19:59:05.224193'],
  ['CAST(d AS STRING)', "'infinity'::DATE", '+5881580-07-11'],
  ['CAST(d AS STRING)', "'20001-03-04 (BC)'::DATE", '-20000-03-04'],
  ['CAST(d AS STRING)', "'0001-03-04 (BC)'::DATE", '0000-03-04'],
])('%s of %s, for which the engine has no text', async (expression, value, text) => {
  const { sql } = translate(parseExpression(expression), scopeOf(parseDdl('ts timestamp, d date')));
  const select = `SELECT ${sql} AS v FROM (SELECT ${value} AS ts, ${value} AS d)`;
  expect(await session.query(select)).toEqual([{ v: text }]);
});

type Outcome =
  { readonly refused: string } | { readonly type: string; readonly values: readonly JsonValue[] };

async function outcome(expression: string): Promise<Outcome> {
  try {
    const { sql, type } = translate(parseExpression(expression), scopeOf(schema));
    const values: JsonValue[] = [];
    for (let row = 0; row < input.rowCount; row += 1) values.push(await valueAt(sql, type, row));
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
