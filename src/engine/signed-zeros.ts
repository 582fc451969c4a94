/**
 * The engine's dictionaries hold one zero: of a column chunk with 0.0 and -0.0 all come out as the one that was first. So files with
 * -0.0 are written without dictionaries.
 */

import { assert, isDeltaError } from '../base/index.ts';
import type { DataType, StructField } from '../schema/index.ts';
import { identifier, literal } from './quote.ts';
import { is } from './type-rules.ts';
import { Binder } from './typed.ts';
import type { Session } from './types.ts';

export type Encoding = 'dictionaries' | 'plain';

/** Columns of a SELECT in which there are floating numbers, with SQL for whether a row has -0.0 there; null: nobody can tell. */
type Zeros = ReadonlyMap<string, string> | null;

/**
 * Runs `copy`, which encodes the rows of a SELECT, with dictionaries, and again without where a row has -0.0. `fields` are the
 * columns of the SELECT as far as they are known; by default the engine is asked.
 */
export async function encoded<T>(
  session: Session,
  select: string,
  fields: readonly StructField[] | null,
  copy: (select: string, encoding: Encoding) => Promise<T>,
): Promise<T> {
  const zeros = fields === null ? await describedZeros(session, select) : zerosOf(fields);
  if (zeros === null) return copy(select, 'plain');
  try {
    return await copy(refusing(select, zeros), 'dictionaries');
  } catch (error) {
    if (!isDeltaError(error, 'ENGINE_VALUE') || !error.message.includes(REFUSAL)) throw error;
    return copy(select, 'plain');
  }
}

const REFUSAL = 'NEGATIVE_ZERO';

function refusing(select: string, zeros: ReadonlyMap<string, string>): string {
  if (zeros.size === 0) return select;
  const columns = [...zeros].map(([name, isNegative]) => {
    const column = identifier(name);
    return `CASE WHEN ${isNegative} THEN error(${literal(REFUSAL)}) ELSE ${column} END AS ${column}`;
  });
  return `SELECT * REPLACE (${columns.join(', ')}) FROM (${select})`;
}

function zerosOf(fields: readonly StructField[]): Zeros {
  const binder = new Binder();
  return new Map(
    fields.flatMap(({ name, type }) => {
      const sql = hasNegative(identifier(name), type, binder);
      return sql === null ? [] : [[name, sql] as const];
    }),
  );
}

async function describedZeros(session: Session, select: string): Promise<Zeros> {
  const zeros = new Map<string, string>();
  for (const row of await session.query(`DESCRIBE ${select}`)) {
    const { column_name: name, column_type: type } = row;
    assert(typeof name === 'string' && typeof type === 'string', 'columns have names and types');
    if (type === 'DOUBLE' || type === 'FLOAT') zeros.set(name, isNegative(identifier(name)));
    else if (/\b(?:DOUBLE|FLOAT)\b/.test(type)) return null;
  }
  return zeros;
}

function isNegative(sql: string): string {
  return `(${sql} = 0 AND signbit(${sql}))`;
}

/** Whether a value has -0.0 in it; null where there are no floating numbers. */
function hasNegative(sql: string, type: DataType, binder: Binder): string | null {
  switch (type.kind) {
    case 'struct': {
      const parts = type.fields.map((field) =>
        hasNegative(`struct_extract(${sql}, ${literal(field.name)})`, field.type, binder),
      );
      return anyOf(parts);
    }
    case 'array':
      return hasNegativeItem(sql, type.element, binder);
    case 'map':
      return anyOf([
        hasNegativeItem(`map_keys(${sql})`, type.key, binder),
        hasNegativeItem(`map_values(${sql})`, type.value, binder),
      ]);
    default:
      return is(type, 'float', 'double') ? isNegative(sql) : null;
  }
}

function hasNegativeItem(sql: string, type: DataType, binder: Binder): string | null {
  let judged: string | null = null;
  const item = binder.element((name) => {
    judged = hasNegative(name, type, binder);
    return judged ?? 'FALSE';
  });
  return judged === null ? null : `(len(list_filter(${sql}, ${item})) > 0)`;
}

function anyOf(parts: readonly (string | null)[]): string | null {
  const some = parts.filter((part) => part !== null);
  return some.length === 0 ? null : `(${some.join(' OR ')})`;
}
