/** Skipping never loses a row, and known truths hold for every row: against a plain evaluator, row by row. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type ColumnStatistics,
  compareScalars,
  type DataType,
  evaluatePredicate,
  type Expression,
  type FileStatistics,
  mayMatch,
  mergeStatistics,
  parseDdl,
  parseStatistics,
  parseType,
  printExpression,
  printPartitionValue,
  printStatistics,
  type Scalar,
} from '../../src/schema/index.ts';

const schema = parseDdl(
  'i int, l bigint, f float, d double, n decimal(6,2), s string, b boolean, day date, ts timestamp, p string, q int',
);
const PARTITION_COLUMNS = ['p', 'q'];

// Few values, close together, so that conditions often meet them, and each type has its odd ones.
const texts = [
  '',
  'a',
  'ab',
  'abc',
  'b',
  '\uFFFD',
  '\u{1F600}',
  'a'.repeat(40),
  `${'a'.repeat(39)}b`,
];
const integers = [-2, -1, 0, 1, 2, 16_777_217];
const doubles = [-1.5, -0, 0, 0.1, 1, 2, 16_777_217, Number.NaN, Number.POSITIVE_INFINITY];
const DAY_MICROS = 86_400_000_000n;
const domains: Readonly<Record<string, readonly Scalar[]>> = {
  int: integers,
  bigint: [...integers.map(BigInt), 2n ** 53n + 1n, 2n ** 63n - 1n],
  float: doubles.map(Math.fround),
  double: doubles,
  'decimal(6,2)': [-150n, 0n, 10n, 100n, 200n],
  string: texts,
  boolean: [true, false],
  date: [-1, 0, 1, 19_723],
  timestamp: [-1n, 0n, 1n, 999n, 1000n, DAY_MICROS, DAY_MICROS + 1n, 19_723n * DAY_MICROS],
};
const domainOf = (type: string): readonly Scalar[] => domains[type] ?? [];
const ddlOf = (name: string): string => ddl[name] ?? 'void';
const ddl: Readonly<Record<string, string>> = {
  i: 'int',
  l: 'bigint',
  f: 'float',
  d: 'double',
  n: 'decimal(6,2)',
  s: 'string',
  b: 'boolean',
  day: 'date',
  ts: 'timestamp',
  p: 'string',
  q: 'int',
};

type RowOf = Readonly<Record<string, Scalar | null>>;

const scalarOf = (name: string): fc.Arbitrary<Scalar | null> =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...domainOf(ddlOf(name))) }, fc.constant(null));

const anyRow: fc.Arbitrary<RowOf> = fc.record(
  Object.fromEntries(Object.keys(ddl).map((name) => [name, scalarOf(name)])),
);

const groups = [['i', 'l', 'f', 'd', 'n', 'q'], ['s', 'p'], ['b'], ['day', 'ts']] as const;

/** Two operands that Spark compares with each other. */
const anyPair: fc.Arbitrary<readonly [Expression, Expression]> = fc
  .constantFrom(...groups)
  .chain((group) => {
    const column = fc.constantFrom(...group);
    const one = column.map((name): Expression => ({ kind: 'column', path: [name] }));
    const value = column.chain((name) =>
      scalarOf(name).map((scalar): Expression => ({
        kind: 'literal',
        value: scalar,
        type: parseType(ddlOf(name)),
      })),
    );
    return fc.tuple(one, fc.oneof({ weight: 3, arbitrary: value }, one));
  });

const { condition: anyCondition } = fc.letrec<{ condition: Expression }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small' },
    fc
      .tuple(fc.constantFrom('=', '<>', '<', '<=', '>', '>=', '<=>'), anyPair)
      .map(([operator, [left, right]]): Expression => ({ kind: 'binary', operator, left, right })),
    fc
      .tuple(anyPair, fc.boolean())
      .map(([[operand], negated]): Expression => ({ kind: 'isNull', operand, negated })),
    fc
      .tuple(anyPair, anyPair, fc.boolean())
      .filter(([[one], [other]]) => groupOf(one) === groupOf(other))
      .map(([[operand, low], [, high], negated]): Expression => ({
        kind: 'between',
        operand,
        low,
        high,
        negated,
      })),
    fc.tuple(anyPair, fc.boolean()).map(([[operand, element], negated]): Expression => ({
      kind: 'in',
      operand,
      list: [element],
      negated,
    })),
    fc
      .tuple(
        fc.constantFrom('s', 'p'),
        fc.constantFrom('a%', 'ab_', 'abc', '%', `${'a'.repeat(35)}%`, 'a%b', '\\%', '\uFFFD%'),
        fc.boolean(),
      )
      .map(([name, pattern, negated]): Expression => ({
        kind: 'like',
        operator: 'like',
        operand: { kind: 'column', path: [name] },
        pattern: { kind: 'literal', value: pattern, type: parseType('string') },
        escape: '\\',
        negated,
      })),
    fc.record({ kind: fc.constant('not'), operand: tie('condition') }),
    fc.record({
      kind: fc.constant('binary'),
      operator: fc.constantFrom('and', 'or'),
      left: tie('condition'),
      right: tie('condition'),
    }),
  ),
}));

describe('skipping', () => {
  it('never loses a row, and what is known to be the same in every row is', () => {
    let skipped = 0;
    fc.assert(
      fc.property(
        fc.array(anyRow, { minLength: 1, maxLength: 4 }),
        fc.array(fc.constantFrom(...Object.keys(ddl)), { maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        anyCondition,
        (rows, unknown, split, condition) => {
          const known = inOnePartition(rows);
          const facts = {
            schema,
            partitionValues: Object.fromEntries(
              PARTITION_COLUMNS.map((name) => [
                name,
                printPartitionValue(known[0]?.[name] ?? null, parseType(ddlOf(name))),
              ]),
            ),
          };
          const statistics = parseStatistics(statisticsOf(known, unknown, split), schema);
          const results = known.map((row) => evaluate(condition, row));
          const may = mayMatch(condition, { ...facts, statistics });
          if (!may) skipped += 1;
          const text = printExpression(condition);
          if (results.includes(true)) expect([text, may]).toEqual([text, true]);
          const truth = evaluatePredicate(condition, facts);
          if (truth !== 'unknown') {
            expect([text, ...results.map(String)]).toEqual([text, ...results.map(() => truth)]);
          }
        },
      ),
      { numRuns: 8000 },
    );
    // A law that holds because nothing is ever skipped would prove nothing.
    expect(skipped).toBeGreaterThan(800);
  });
});

/** The same rows with the first one's partition values, of which the empty text is null. */
function inOnePartition(rows: readonly RowOf[]): readonly RowOf[] {
  const p = rows[0]?.p ?? null;
  return rows.map((row) => ({ ...row, p: p === '' ? null : p, q: rows[0]?.q ?? null }));
}

/** As a writer that hides NaN writes them, in two parts that are merged. */
function statisticsOf(rows: readonly RowOf[], unknown: readonly string[], split: number): string {
  const parts = [rows.slice(0, split), rows.slice(split)].filter((part) => part.length > 0);
  const statistics = parts
    .map((part): FileStatistics => ({
      rowCount: part.length,
      columns: new Map(
        Object.keys(ddl)
          .filter((name) => !unknown.includes(name))
          .map((name) => [name, columnStatistics(part.map((row) => row[name] ?? null))]),
      ),
    }))
    .reduce(mergeStatistics);
  return printStatistics(statistics, schema, { partitionColumns: PARTITION_COLUMNS });
}

function columnStatistics(values: readonly (Scalar | null)[]): ColumnStatistics {
  const bounded = values
    .filter((value) => value !== null)
    .filter((value) => !Number.isNaN(value))
    .toSorted(compareScalars);
  return {
    min: bounded.at(0) ?? null,
    max: bounded.at(-1) ?? null,
    nullCount: values.filter((value) => value === null).length,
    fields: null,
  };
}

function groupOf(expression: Expression): number {
  const name = expression.kind === 'column' ? (expression.path[0] ?? '') : '';
  return groups.findIndex((group) => group.some((member) => member === name));
}

type Value = readonly [Scalar | null, DataType];

function valueOf(expression: Expression, row: RowOf): Value {
  if (expression.kind === 'literal') return [expression.value, expression.type];
  if (expression.kind !== 'column') throw new Error('not a value');
  const name = expression.path[0] ?? '';
  return [row[name] ?? null, parseType(ddlOf(name))];
}

/** Spark's order of two values, after its implicit casts; null where either is null. */
function order([left, leftType]: Value, [right, rightType]: Value): number | null {
  if (left === null || right === null) return null;
  const names = [leftType, rightType].map((type) =>
    type.kind === 'primitive' ? type.name : type.kind,
  );
  const isFloating = names.includes('float') || names.includes('double');
  if (isFloating) return compareScalars(toDouble(left, leftType), toDouble(right, rightType));
  if (names.includes('decimal')) {
    return compareScalars(toCents(left, leftType), toCents(right, rightType));
  }
  if (names.includes('timestamp')) {
    return compareScalars(toMicros(left, leftType), toMicros(right, rightType));
  }
  return typeof left === 'string'
    ? Buffer.compare(Buffer.from(left), Buffer.from(String(right)))
    : compareScalars(left, right);
}

function toDouble(value: Scalar, type: DataType): number {
  return type.kind === 'decimal' ? Number(value) / 100 : Number(value);
}

function toCents(value: Scalar, type: DataType): bigint {
  return type.kind === 'decimal' ? BigInt(Number(value)) : BigInt(String(value)) * 100n;
}

function toMicros(value: Scalar, type: DataType): bigint {
  const isDate = type.kind === 'primitive' && type.name === 'date';
  return isDate ? BigInt(String(value)) * DAY_MICROS : BigInt(String(value));
}

function compare(operator: string, left: Value, right: Value): boolean | null {
  if (operator === '<=>' && (left[0] === null || right[0] === null)) return left[0] === right[0];
  const sign = order(left, right);
  if (sign === null) return null;
  switch (operator) {
    case '<':
      return sign < 0;
    case '<=':
      return sign <= 0;
    case '>':
      return sign > 0;
    case '>=':
      return sign >= 0;
    case '<>':
      return sign !== 0;
    default:
      return sign === 0;
  }
}

function evaluate(expression: Expression, row: RowOf): boolean | null {
  switch (expression.kind) {
    case 'binary':
      if (expression.operator === 'and' || expression.operator === 'or') {
        return logic(
          expression.operator,
          evaluate(expression.left, row),
          evaluate(expression.right, row),
        );
      }
      return compare(
        expression.operator,
        valueOf(expression.left, row),
        valueOf(expression.right, row),
      );
    case 'not':
      return invert(evaluate(expression.operand, row));
    case 'isNull':
      return (valueOf(expression.operand, row)[0] === null) !== expression.negated;
    case 'between': {
      const value = valueOf(expression.operand, row);
      const low = compare('>=', value, valueOf(expression.low, row));
      const high = compare('<=', value, valueOf(expression.high, row));
      return expression.negated ? invert(logic('and', low, high)) : logic('and', low, high);
    }
    case 'in': {
      const value = valueOf(expression.operand, row);
      const found = expression.list
        .map((element) => compare('=', value, valueOf(element, row)))
        .reduce((one, other) => logic('or', one, other));
      return expression.negated ? invert(found) : found;
    }
    case 'like': {
      const [value] = valueOf(expression.operand, row);
      const [pattern] = valueOf(expression.pattern, row);
      if (typeof value !== 'string' || typeof pattern !== 'string') return null;
      return like(value, pattern) !== expression.negated;
    }
    default:
      throw new Error(`not a condition: ${expression.kind}`);
  }
}

function like(value: string, pattern: string): boolean {
  const source = pattern.replace(/\\%|[%_]|[^%_]/gu, (part) => {
    if (part === '%') return '.*';
    return part === '_' ? '.' : (part.at(-1) ?? '');
  });
  return new RegExp(`^${source}$`, 'su').test(value);
}

function invert(value: boolean | null): boolean | null {
  return value === null ? null : !value;
}

function logic(
  operator: 'and' | 'or',
  left: boolean | null,
  right: boolean | null,
): boolean | null {
  const decisive = operator === 'or';
  if (left === decisive || right === decisive) return decisive;
  return left === null || right === null ? null : !decisive;
}
