/**
 * Aggregates as Spark 4 (ANSI mode) computes them, in DuckDB's SQL. None of those here takes rows whose value is null,
 * so that FILTER and conditions become nulls: an argument that can fail is then not computed where Spark would not.
 */

import { present } from '../base/index.ts';
import {
  BOOLEAN,
  type DataType,
  type DecimalType,
  DOUBLE,
  type Expression,
  LONG,
} from '../schema/index.ts';
import { aggregateNamed, type AggregateName } from './aggregate-names.ts';
import { decimalQuotient } from './arithmetic.ts';
import { castTo } from './casts.ts';
import { duckType } from './duck-type.ts';
import { expressionType, expressionUnsupported } from './errors.ts';
import type { Scope } from './scope.ts';
import { translate, translateCondition } from './translate.ts';
import { decimal, is, isFractional, isIntegral, typeText } from './type-rules.ts';
import { Binder, typed, type Typed } from './typed.ts';

export type AggregateCall = Extract<Expression, { readonly kind: 'call' }>;

/** An aggregate in two steps: `parts` are computed by group, `result` over a row that has them by these names. */
export interface Aggregate {
  readonly parts: readonly string[];
  readonly result: (names: readonly string[]) => Typed;
}

/** Digits that Spark adds to a decimal for its sum, and for its mean. */
const SUM_DIGITS = 10;
const MEAN_DIGITS = 4;
const DECIMAL_DIGITS_MAX = 38;

/** Errors: `EXPRESSION_TYPE` (invalid), `EXPRESSION_UNSUPPORTED` (unsupported). */
export function translateAggregate(call: AggregateCall, scope: Scope): Aggregate {
  const name = present(aggregateNamed(call.name), 'the name of an aggregate');
  return AGGREGATES[name](new Aggregation(call, scope));
}

class Aggregation {
  readonly call: AggregateCall;
  readonly args: readonly Typed[];
  readonly binder = new Binder();
  readonly distinct: string;
  readonly #filter: string | null;

  constructor(call: AggregateCall, scope: Scope) {
    this.call = call;
    this.args = call.args.map((arg) => {
      const { sql, type } = translate(arg, scope);
      return typed(sql, type);
    });
    this.distinct = call.distinct === true ? 'DISTINCT ' : '';
    this.#filter = call.filter === undefined ? null : translateCondition(call.filter, scope);
  }

  only(): Typed {
    return this.count(1).at(0);
  }

  count(wanted: number): this {
    const { name, args } = this.call;
    if (args.length !== wanted) {
      throw expressionType(`${name}() with ${String(args.length)} arguments`);
    }
    return this;
  }

  at(index: number): Typed {
    return present(this.args[index], 'an argument');
  }

  /** The value for the rows that the filter takes, null for the others. */
  filtered(sql: string): string {
    return this.#filter === null ? sql : `CASE WHEN ${this.#filter} THEN ${sql} END`;
  }

  /** Types whose order is the engine's as well as Spark's: nulls inside others have no place in common. */
  ordered(arg: Typed): Typed {
    if (arg.type.kind === 'primitive' && !is(arg.type, 'void')) return arg;
    if (arg.type.kind === 'decimal') return arg;
    throw expressionUnsupported(`${this.call.name}() by values of type ${typeText(arg.type)}`);
  }

  notDistinct(): this {
    if (this.call.distinct === true) {
      throw expressionUnsupported(`${this.call.name}() with DISTINCT`);
    }
    return this;
  }

  mismatch(): Error {
    const types = this.args.map(({ type }) => typeText(type)).join(', ');
    return expressionType(`${this.call.name}(${types})`);
  }
}

function simple(part: string, type: DataType): Aggregate {
  return { parts: [part], result: ([name = '']) => typed(name, type) };
}

function count(aggregation: Aggregation): Aggregate {
  const { args, distinct } = aggregation;
  if (args.length === 0) throw aggregation.mismatch();
  const complete = args.map(({ sql }) => `${sql} IS NOT NULL`).join(' AND ');
  const tuple = distinct === '' ? '1' : `row(${args.map(({ sql }) => sql).join(', ')})`;
  const value =
    args.length === 1 ? aggregation.at(0).sql : `CASE WHEN ${complete} THEN ${tuple} END`;
  return simple(`count(${distinct}${aggregation.filtered(value)})`, LONG);
}

function countIf(aggregation: Aggregation): Aggregate {
  const condition = toBoolean(aggregation.notDistinct());
  const value = `CASE WHEN ${condition} THEN 1 END`;
  return simple(`count(${aggregation.filtered(value)})`, LONG);
}

/** Integers to BIGINT, where a sum beyond it is an error; decimals to ten digits more; everything else to DOUBLE. */
function sum(aggregation: Aggregation): Aggregate {
  const arg = aggregation.only();
  const native = (sql: string): string =>
    `sum(${aggregation.distinct}${aggregation.filtered(sql)})`;
  if (isIntegral(arg.type)) return simple(`CAST(${native(arg.sql)} AS BIGINT)`, LONG);
  if (arg.type.kind === 'decimal') {
    const type = sumType(arg.type);
    return simple(`CAST(${native(arg.sql)} AS ${duckType(type)})`, type);
  }
  return simple(native(toDouble(aggregation, arg)), DOUBLE);
}

/** Decimals to four digits more on both sides, rounded half up; everything else is summed as DOUBLE. */
function mean(aggregation: Aggregation): Aggregate {
  const arg = aggregation.only();
  if (arg.type.kind !== 'decimal') {
    const value = aggregation.filtered(toDouble(aggregation, arg));
    return simple(`avg(${aggregation.distinct}${value})`, DOUBLE);
  }
  const { precision, scale } = arg.type;
  if (precision + MEAN_DIGITS > DECIMAL_DIGITS_MAX) {
    throw expressionUnsupported(`${aggregation.call.name}() of ${typeText(arg.type)}`);
  }
  const type = decimal(precision + MEAN_DIGITS, scale + MEAN_DIGITS);
  const total = sumType(arg.type);
  const value = `${aggregation.distinct}${aggregation.filtered(arg.sql)}`;
  return {
    parts: [`CAST(sum(${value}) AS ${duckType(total)})`, `count(${value})`],
    result: ([sql = '', divisor = '']) =>
      typed(decimalQuotient({ sql, type: total }, divisor, type, aggregation.binder), type),
  };
}

function extreme(native: 'min' | 'max'): (aggregation: Aggregation) => Aggregate {
  return (aggregation) => {
    const arg = aggregation.ordered(aggregation.only());
    return simple(`${native}(${aggregation.filtered(arg.sql)})`, arg.type);
  };
}

/** The engine passes over rows whose value is null, which may be the ones sought: so the value is put into a struct. */
function extremeBy(native: 'arg_min' | 'arg_max'): (aggregation: Aggregation) => Aggregate {
  return (aggregation) => {
    const value = aggregation.notDistinct().count(2).at(0);
    const by = aggregation.ordered(aggregation.at(1));
    const part = `${native}(struct_pack(v := ${value.sql}), ${aggregation.filtered(by.sql)})`;
    return simple(`struct_extract(${part}, 'v')`, value.type);
  };
}

function truth(native: 'bool_and' | 'bool_or'): (aggregation: Aggregation) => Aggregate {
  return (aggregation) =>
    simple(`${native}(${aggregation.filtered(toBoolean(aggregation))})`, BOOLEAN);
}

function toBoolean(aggregation: Aggregation): string {
  const arg = aggregation.only();
  if (!is(arg.type, 'boolean', 'void', 'string')) throw aggregation.mismatch();
  return castTo(arg, BOOLEAN, aggregation.binder).sql;
}

function toDouble(aggregation: Aggregation, arg: Typed): string {
  const fits = isIntegral(arg.type) || isFractional(arg.type) || is(arg.type, 'void', 'string');
  if (!fits) throw aggregation.mismatch();
  return castTo(arg, DOUBLE, aggregation.binder).sql;
}

function sumType(type: DecimalType): DecimalType {
  return decimal(Math.min(type.precision + SUM_DIGITS, DECIMAL_DIGITS_MAX), type.scale);
}

const AGGREGATES: Readonly<Record<AggregateName, (aggregation: Aggregation) => Aggregate>> = {
  any: truth('bool_or'),
  avg: mean,
  bool_and: truth('bool_and'),
  bool_or: truth('bool_or'),
  count,
  count_if: countIf,
  every: truth('bool_and'),
  max: extreme('max'),
  max_by: extremeBy('arg_max'),
  mean,
  min: extreme('min'),
  min_by: extremeBy('arg_min'),
  some: truth('bool_or'),
  sum,
};
