/** Which files may hold rows that a condition selects, from partition values and statistics alone. */

import { unreachable } from '../base/index.ts';
import type { BinaryOperator, Expression } from './expression.ts';
import { expressionColumns } from './expression-walk.ts';
import { readPartitionValue } from './partition-value.ts';
import {
  and,
  compareElement,
  compareNullSafe,
  compareRanges,
  isBetween,
  matchesPattern,
  not,
  or,
} from './range-comparison.ts';
import type { ColumnStatistics, FileStatistics } from './statistics.ts';
import { findField } from './structure.ts';
import type { StructField, StructType } from './types.ts';
import {
  ANY_OUTCOME,
  ANY_VALUE,
  castRange,
  columnRange,
  fromOutcomes,
  isSingle,
  type Outcomes,
  singleRange,
  toOutcomes,
  type ValueRange,
} from './value-range.ts';

/** What is known of one file. Names are those of the schema. */
export interface FileFacts {
  readonly schema: StructType;
  /** By partition column, the texts of the log. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** Null where unknown. */
  readonly statistics: FileStatistics | null;
}

/**
 * False only where no row of the file can make the condition true (false and null select nothing). Whatever is not
 * understood (other functions, unknown columns, odd partition values) may match. Columns have no qualifier; case is
 * ignored. Dates and timestamps compare in UTC.
 */
export function mayMatch(condition: Expression, file: FileFacts): boolean {
  if (file.statistics?.rowCount === 0) return false;
  if (condition.kind === 'binary' && condition.operator === 'and') {
    return mayMatch(condition.left, file) && mayMatch(condition.right, file);
  }
  return outcomesOf(condition, file).canTrue;
}

/** What a condition gives in every row alike, or `unknown` where rows may differ or nothing is known. */
export type Truth = 'true' | 'false' | 'null' | 'unknown';

/** Evaluates a condition over literals and partition columns; one that needs other columns is mostly `unknown`. */
export function evaluatePredicate(
  condition: Expression,
  file: Omit<FileFacts, 'statistics'>,
): Truth {
  const { canTrue, canFalse, canNull } = outcomesOf(condition, { ...file, statistics: null });
  if (Number(canTrue) + Number(canFalse) + Number(canNull) !== 1) return 'unknown';
  if (canNull) return 'null';
  return canTrue ? 'true' : 'false';
}

/** The top-level columns that an expression reads, as the schema has them; those it has not are left out. */
export function columnsRead(expression: Expression, schema: StructType): StructType {
  const read = new Set(
    expressionColumns(expression).map(([name = '']) => findField(schema, name)?.name),
  );
  return { kind: 'struct', fields: schema.fields.filter((field) => read.has(field.name)) };
}

function outcomesOf(expression: Expression, file: FileFacts): Outcomes {
  return toOutcomes(rangeOf(expression, file));
}

function rangeOf(expression: Expression, file: FileFacts): ValueRange {
  switch (expression.kind) {
    case 'literal':
      return singleRange(expression.value, expression.type);
    case 'column':
      return columnOf(expression.path, file);
    case 'not':
      return fromOutcomes(not(outcomesOf(expression.operand, file)));
    case 'binary':
      return binaryRange(expression, file);
    case 'isNull': {
      const { hasNull, hasValue } = rangeOf(expression.operand, file);
      const outcomes = { canTrue: hasNull, canFalse: hasValue, canNull: false };
      return fromOutcomes(expression.negated ? not(outcomes) : outcomes);
    }
    case 'in':
      return negatable(isIn(expression, file), expression);
    case 'between': {
      const [value, low, high] = [expression.operand, expression.low, expression.high];
      const ranges = [rangeOf(value, file), rangeOf(low, file), rangeOf(high, file)] as const;
      return negatable(isBetween(...ranges), expression);
    }
    case 'like':
      return negatable(isLike(expression, file), expression);
    case 'cast':
      return castRange(rangeOf(expression.operand, file), expression.type) ?? ANY_VALUE;
    case 'negate':
    case 'case':
    case 'call':
      return ANY_VALUE;
    default:
      return unreachable(expression);
  }
}

type Of<K extends Expression['kind']> = Extract<Expression, { readonly kind: K }>;

function negatable(outcomes: Outcomes, expression: { readonly negated: boolean }): ValueRange {
  return fromOutcomes(expression.negated ? not(outcomes) : outcomes);
}

function binaryRange(expression: Of<'binary'>, file: FileFacts): ValueRange {
  const { operator } = expression;
  if (isArithmetic(operator)) return ANY_VALUE;
  const left = rangeOf(expression.left, file);
  const right = rangeOf(expression.right, file);
  switch (operator) {
    case 'and':
      return fromOutcomes(and(toOutcomes(left), toOutcomes(right)));
    case 'or':
      return fromOutcomes(or(toOutcomes(left), toOutcomes(right)));
    case '<=>':
      return fromOutcomes(compareNullSafe(left, right));
    default:
      return fromOutcomes(compareRanges(operator, left, right));
  }
}

type Arithmetic = '+' | '-' | '*' | '/' | '%' | 'div' | '||' | '&' | '|' | '^';

function isArithmetic(operator: BinaryOperator): operator is Arithmetic {
  return ARITHMETIC.has(operator);
}

const ARITHMETIC: ReadonlySet<string> = new Set<Arithmetic>([
  '+',
  '-',
  '*',
  '/',
  '%',
  'div',
  '||',
  '&',
  '|',
  '^',
]);

function isIn(expression: Of<'in'>, file: FileFacts): Outcomes {
  const operand = rangeOf(expression.operand, file);
  let outcomes: Outcomes = { canTrue: false, canFalse: true, canNull: false };
  for (const element of expression.list) {
    outcomes = or(outcomes, compareElement(operand, rangeOf(element, file)));
  }
  return outcomes;
}

function isLike(expression: Of<'like'>, file: FileFacts): Outcomes {
  const pattern = rangeOf(expression.pattern, file);
  const isKnown = expression.operator === 'like' && isSingle(pattern) && !pattern.hasNull;
  if (!isKnown || typeof pattern.min !== 'string') return ANY_OUTCOME;
  return matchesPattern(rangeOf(expression.operand, file), pattern.min, expression.escape);
}

function columnOf(path: readonly string[], file: FileFacts): ValueRange {
  const [name = '', ...rest] = path;
  const field = findField(file.schema, name);
  if (field === null) return ANY_VALUE;
  if (Object.hasOwn(file.partitionValues, field.name)) {
    return rest.length === 0 ? partitionOf(field, file.partitionValues[field.name]) : ANY_VALUE;
  }
  return leafOf(field, rest, {
    statistics: file.statistics?.columns.get(field.name) ?? null,
    rowCount: file.statistics?.rowCount ?? null,
    nested: false,
  });
}

function partitionOf(field: StructField, text: string | null | undefined): ValueRange {
  if (text === undefined) return ANY_VALUE;
  if (text === null || text === '') return singleRange(null, field.type);
  const value = readPartitionValue(text, field.type);
  return value === null ? ANY_VALUE : singleRange(value, field.type);
}

interface Leaf {
  readonly statistics: ColumnStatistics | null;
  readonly rowCount: number | null;
  readonly nested: boolean;
}

function leafOf(field: StructField, path: readonly string[], leaf: Leaf): ValueRange {
  const [name, ...rest] = path;
  if (name === undefined) return columnRange(field, leaf.statistics, leaf);
  if (field.type.kind !== 'struct') return ANY_VALUE;
  const inner = findField(field.type, name);
  if (inner === null) return ANY_VALUE;
  const statistics = leaf.statistics?.fields?.get(inner.name) ?? null;
  return leafOf(inner, rest, { ...leaf, statistics, nested: true });
}
