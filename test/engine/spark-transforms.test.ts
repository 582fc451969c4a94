/** Transforms as Spark runs them: the same columns, the same rows, the same failures. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isDeltaError, type JsonObject, type JsonValue } from '../../src/base/index.ts';
import { openSession, planTransform, type Session } from '../../src/engine/index.ts';
import { parseType, type Transform } from '../../src/schema/index.ts';
import {
  listOf,
  objectOf,
  readRecording,
  recordedInput,
  textOf,
  typeKey,
  valueText,
} from './recording.ts';

const input = await recordedInput();
const recorded = await readRecording('transforms-spark-4.2.json');

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
    const transform = transformOf(objectOf(entry['transform']));
    const name = JSON.stringify(transform);
    test(name, async () => {
      const found = await outcome(transform);
      if (entry['error'] === undefined) {
        const columns = listOf(entry['columns']).map((column) => {
          const [label, type] = listOf(column).map(textOf);
          return [label, typeKey(parseType(type ?? ''))];
        });
        const rows = listOf(entry['rows']);
        const ordered = transform.orderBy !== undefined;
        expect(found).toEqual({ columns, rows: ordered ? rows : sorted(rows) });
      } else {
        expect(found, `Spark: ${textOf(entry['error'])}`).toHaveProperty('refused');
      }
    });
  }
});

type Outcome =
  | { readonly refused: string }
  | { readonly columns: readonly (readonly string[])[]; readonly rows: readonly JsonValue[] };

async function outcome(transform: Transform): Promise<Outcome> {
  try {
    const { schema, sql } = planTransform(transform, input.schema);
    const found = await session.query(sql('SELECT * FROM input', ['row']));
    const rows = found.map((row) =>
      schema.fields.map(({ name, type }) => dated(valueText(row[name] ?? null, type), type)),
    );
    return {
      columns: schema.fields.map(({ name, type }) => [name, typeKey(type)]),
      rows: transform.orderBy === undefined ? sorted(rows) : rows,
    };
  } catch (error) {
    if (isDeltaError(error)) return { refused: error.code };
    throw error;
  }
}

const DAY_MS = 86_400_000;

function dated(
  value: JsonValue,
  type: { readonly kind: string; readonly name?: string },
): JsonValue {
  if (type.name !== 'date' || value === null) return value;
  return new Date(Number(value) * DAY_MS).toISOString().slice(0, 10);
}

function sorted(rows: readonly JsonValue[]): readonly JsonValue[] {
  return rows
    .map((row) => ({ row, key: JSON.stringify(row) }))
    .sort((left, right) => (left.key < right.key ? -1 : 1))
    .map(({ row }) => row);
}

function transformOf(value: JsonObject): Transform {
  const { select, where, groupBy, orderBy } = value;
  return {
    ...(select === undefined ? {} : { select: listOf(select).map(textOf) }),
    ...(where === undefined ? {} : { where: textOf(where) }),
    ...(groupBy === undefined ? {} : { groupBy: listOf(groupBy).map(textOf) }),
    ...(orderBy === undefined ? {} : { orderBy: listOf(orderBy).map(textOf) }),
  };
}
