/** Functions of any type: null handling, choice; and of arrays, maps and structs. */

import { BOOLEAN, DOUBLE, INTEGER } from '../schema/index.ts';
import { castTo } from './casts.ts';
import { expressionUnsupported } from './errors.ts';
import type { Call, FunctionTable } from './function-call.ts';
import { identifier, literal } from './quote.ts';
import { is, isFractional } from './type-rules.ts';
import { fallible, type Typed, typed } from './typed.ts';

function coalesce(call: Call): Typed {
  const args = call.count(1, Number.MAX_SAFE_INTEGER).aligned();
  return typed(
    `coalesce(${args.map((arg) => arg.sql).join(', ')})`,
    args[0]?.type ?? INTEGER,
    ...args,
  );
}

function extreme(native: 'greatest' | 'least'): (call: Call) => Typed {
  return (call) => {
    const args = call.count(2, Number.MAX_SAFE_INTEGER).aligned();
    const type = args[0]?.type ?? INTEGER;
    if (type.kind !== 'primitive' && type.kind !== 'decimal') throw call.mismatch();
    return typed(`${native}(${args.map((arg) => arg.sql).join(', ')})`, type, ...args);
  };
}

function choose(call: Call, condition: string, then: number, otherwise: number): Typed {
  const [a, b] = call.aligned(Math.min(then, otherwise));
  if (a === undefined || b === undefined) throw call.mismatch();
  const [yes, no] = then < otherwise ? [a, b] : [b, a];
  return call.result(`CASE WHEN ${condition} THEN ${yes.sql} ELSE ${no.sql} END`, yes.type);
}

function nullIf(call: Call): Typed {
  const [left, right] = call.count(2).aligned();
  const first = call.at(0);
  if (left === undefined || right === undefined) throw call.mismatch();
  const sql = `CASE WHEN ${left.sql} = ${right.sql} THEN NULL ELSE ${first.sql} END`;
  return typed(sql, first.type, left, right);
}

function size(call: Call): Typed {
  const arg = call.count(1).at(0);
  if (arg.type.kind !== 'array' && arg.type.kind !== 'map') throw call.mismatch();
  const native = arg.type.kind === 'map' ? 'cardinality' : 'len';
  return typed(`CAST(${native}(${arg.sql}) AS INTEGER)`, INTEGER, arg);
}

/** One-based, from the end where negative; outside the array an error, as in ANSI mode. */
function elementAt(call: Call): Typed {
  const source = call.count(2).at(0);
  if (source.type.kind === 'map') {
    const key = castTo(call.at(1), source.type.key, call.binder);
    return typed(`map_extract_value(${source.sql}, ${key.sql})`, source.type.value, source, key);
  }
  if (source.type.kind !== 'array') throw call.mismatch();
  const index = call.as(1, INTEGER);
  const sql = call.binder.bindAll(
    [source.sql, index.sql],
    ([a = '', i = '']) =>
      `CASE WHEN ${i} = 0 OR abs(${i}) > len(${a}) ` +
      `THEN error('INVALID_ARRAY_INDEX_IN_ELEMENT_AT: the index is outside the array') ELSE ${a}[${i}] END`,
  );
  return fallible(sql, source.type.element);
}

/** Zero-based; null outside the array. */
function get(call: Call): Typed {
  const source = call.count(2).at(0);
  if (source.type.kind !== 'array') throw call.mismatch();
  const index = call.as(1, INTEGER);
  const sql = call.binder.bind(
    index.sql,
    (i) => `CASE WHEN ${i} < 0 THEN NULL ELSE ${source.sql}[${i} + 1] END`,
  );
  return typed(sql, source.type.element, source, index);
}

function arrayContains(call: Call): Typed {
  const source = call.count(2).at(0);
  if (source.type.kind !== 'array') throw call.mismatch();
  const item = call.as(1, source.type.element);
  const sql = call.binder.bindAll(
    [source.sql, item.sql],
    ([a = '', x = '']) =>
      `CASE WHEN ${a} IS NULL OR ${x} IS NULL THEN NULL WHEN list_contains(${a}, ${x}) THEN TRUE ` +
      `WHEN len(list_filter(${a}, ${call.binder.element((e) => `${e} IS NULL`)})) > 0 THEN NULL ELSE FALSE END`,
  );
  return typed(sql, BOOLEAN, source, item);
}

function array(call: Call): Typed {
  const items = call.count(1, Number.MAX_SAFE_INTEGER).aligned();
  const element = items[0]?.type ?? INTEGER;
  return typed(
    `[${items.map((item) => item.sql).join(', ')}]`,
    { kind: 'array', element, containsNull: true },
    ...items,
  );
}

function namedStruct(call: Call): Typed {
  const fields = [];
  const parts = [];
  for (let index = 0; index < call.args.length; index += 2) {
    const name = call.literalText(index);
    if (name === null) throw call.mismatch();
    const value = call.at(index + 1);
    fields.push({ name, type: value.type, nullable: true, metadata: {} });
    parts.push(`${identifier(name)} := ${value.sql}`);
  }
  if (fields.length === 0) throw call.mismatch();
  return call.result(`struct_pack(${parts.join(', ')})`, { kind: 'struct', fields });
}

function nan(call: Call): Typed {
  const arg = call.count(1).at(0);
  const number = isFractional(arg.type) ? arg : call.as(0, DOUBLE);
  return typed(`coalesce(isnan(${number.sql}), FALSE)`, BOOLEAN, number);
}

function nanvl(call: Call): Typed {
  const [a, b] = [call.count(2).as(0, DOUBLE), call.as(1, DOUBLE)];
  const sql = call.binder.bind(a.sql, (x) => `CASE WHEN isnan(${x}) THEN ${b.sql} ELSE ${x} END`);
  return typed(sql, DOUBLE, a, b);
}

function condition(call: Call): Typed {
  const arg = call.count(3).at(0);
  if (!is(arg.type, 'boolean', 'void', 'string')) throw call.mismatch();
  return choose(call, castTo(arg, BOOLEAN, call.binder).sql, 1, 2);
}

function structField(call: Call): Typed {
  const source = call.count(2).at(0);
  if (source.type.kind === 'array') return get(call);
  if (source.type.kind === 'map') return elementAt(call);
  const name = call.literalText(1);
  const fields = source.type.kind === 'struct' ? source.type.fields : [];
  const field = fields.find((each) => each.name.toLowerCase() === name?.toLowerCase());
  if (field === undefined) throw expressionUnsupported('an element that is not there');
  return typed(`struct_extract(${source.sql}, ${literal(field.name)})`, field.type, source);
}

export const FUNCTIONS_OF_COLLECTIONS: FunctionTable = {
  array,
  array_contains: arrayContains,
  cardinality: size,
  coalesce,
  element_at: elementAt,
  get,
  getitem: structField,
  greatest: extreme('greatest'),
  if: condition,
  iff: condition,
  ifnull: coalesce,
  isnan: nan,
  isnotnull: (call) => typed(`(${call.count(1).at(0).sql} IS NOT NULL)`, BOOLEAN, call.at(0)),
  isnull: (call) => typed(`(${call.count(1).at(0).sql} IS NULL)`, BOOLEAN, call.at(0)),
  least: extreme('least'),
  named_struct: namedStruct,
  nanvl,
  nullif: nullIf,
  nvl: coalesce,
  nvl2: (call) => choose(call, `${call.count(3).at(0).sql} IS NOT NULL`, 1, 2),
  size,
};
