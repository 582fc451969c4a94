/**
 * Values that a table makes for columns that rows do not bring: defaults, generated columns, identity columns. PROTOCOL.md,
 * "Default Columns", "Generated Columns", "Identity Columns".
 */

import { isDeltaError, type JsonValue } from '../../base/index.ts';
import { scopeOf, translateTo } from '../../engine/index.ts';
import type { ParquetFooter } from '../../parquet/index.ts';
import {
  columnsRead,
  DEFAULT,
  type Expression,
  findField,
  GENERATION,
  IDENTITY,
  isIdentity,
  LONG,
  mapColumns,
  parseExpression,
  printSchema,
  type StructField,
  type StructType,
  VOID,
} from '../../schema/index.ts';
import { columnUnknown } from '../errors.ts';
import type { Snapshot } from '../types.ts';
import { describedAs } from './evolve.ts';
import { columnGiven, identityExhausted, ruleUnsupported } from './rule-errors.ts';
import { withTime } from './statement-time.ts';
import { memberOf } from './struct-values.ts';

export interface Identity {
  readonly field: StructField;
  /** The next value that is free. */
  readonly next: bigint;
  readonly step: bigint;
  /** Whether rows may bring values of their own. */
  readonly allowsGiven: boolean;
}

export interface ColumnFills {
  /** In the engine's SQL, without columns. */
  readonly defaults: ReadonlyMap<StructField, string>;
  /** In the engine's SQL over the columns of the table. */
  readonly generated: ReadonlyMap<StructField, string>;
  readonly identities: readonly Identity[];
}

/** Null where the table makes no values. Errors: `RULE_UNSUPPORTED` where it makes them by what cannot be evaluated here. */
export function fillsOf({ schema }: Pick<Snapshot, 'schema'>, nowMs: number): ColumnFills | null {
  const defaults = new Map<StructField, string>();
  const generated = new Map<StructField, string>();
  const identities = identitiesOf(schema);
  for (const field of schema.fields) {
    const { metadata, name } = field;
    const generation = metadata[GENERATION];
    const value = metadata[DEFAULT];
    if (typeof generation === 'string') {
      const known = { name: `the generated column ${name}`, text: generation };
      generated.set(field, filled(field, { schema, nowMs, ...known }));
    } else if (typeof value === 'string' && !isIdentity(field)) {
      const known = { name: `the default of the column ${name}`, text: value };
      defaults.set(field, filled(field, { schema: NO_COLUMNS, nowMs, ...known }));
    }
  }
  const count = defaults.size + generated.size + identities.length;
  return count === 0 ? null : { defaults, generated, identities };
}

/** The columns that the table numbers rows by. */
export function identitiesOf({ fields }: StructType): readonly Identity[] {
  return fields.filter(isIdentity).map(identityOf);
}

/** The columns that the table makes values for. */
export function filledFields({ defaults, generated, identities }: ColumnFills): StructField[] {
  return [...defaults.keys(), ...generated.keys(), ...identities.map(({ field }) => field)];
}

/** Those of them that a file does not have. */
export function fieldsToFill(
  fills: ColumnFills,
  { columns }: Pick<ParquetFooter, 'columns'>,
): readonly StructField[] {
  const names = new Set(columns.map(({ name }) => name.toLowerCase()));
  return filledFields(fills).filter(({ name }) => !names.has(name.toLowerCase()));
}

/** The value of a row whose place among those that come in is `place`, an engine's BIGINT. */
export function identityValue({ next, step }: Identity, place: string): string {
  return `(CAST(${String(next)} AS BIGINT) + CAST(${String(step)} AS BIGINT) * (${place}))`;
}

/** The table after `count` values of its identity columns were given away. Errors: `IDENTITY_EXHAUSTED`. */
export function advanced(
  table: Snapshot,
  identities: readonly Identity[],
  count: number | bigint,
): Snapshot {
  const given = BigInt(count);
  if (identities.length === 0 || given === 0n) return table;
  const fields = table.schema.fields.map((field) => {
    const identity = identities.find((each) => each.field.name === field.name);
    if (identity === undefined) return field;
    const mark = identity.next + identity.step * (given - 1n);
    if (mark > LONG_MAX || mark < -LONG_MAX - 1n) throw identityExhausted(field.name);
    const metadata = { ...field.metadata, [IDENTITY.mark]: exactNumber(mark) };
    return { ...field, metadata };
  });
  const schemaString = printSchema({ ...table.schema, fields });
  const { protocol, metadata } = table;
  return describedAs(table, { protocol, metadata: { ...metadata, schemaString } });
}

const LONG_MAX = 9_223_372_036_854_775_807n;
const NO_COLUMNS: StructType = { kind: 'struct', fields: [] };

interface Filling {
  readonly name: string;
  readonly text: string;
  /** What the expression may read. */
  readonly schema: StructType;
  readonly nowMs: number;
}

function filled({ type }: StructField, { name, text, schema, nowMs }: Filling): string {
  try {
    return translateTo(withTime(parseExpression(text), nowMs), scopeOf(schema), type);
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    throw ruleUnsupported(name, text, error);
  }
}

function identityOf(field: StructField): Identity {
  const { metadata } = field;
  const start = wholeNumber(metadata[IDENTITY.start]) ?? 1n;
  const step = wholeNumber(metadata[IDENTITY.step]) ?? 1n;
  const mark = wholeNumber(metadata[IDENTITY.mark]);
  const allowsGiven = metadata[IDENTITY.explicit] === true;
  return { field, step, allowsGiven, next: mark === null ? start : after(mark, start, step) };
}

/** The first of the values from `start` on by `step` that is behind the mark. */
function after(mark: bigint, start: bigint, step: bigint): bigint {
  const distance = (mark - start) * (step < 0n ? -1n : 1n);
  const width = step < 0n ? -step : step;
  // Bigints are divided towards zero, and a mark before the start is not yet at it.
  const steps = distance < 0n ? -((-distance + width - 1n) / width) : distance / width;
  return start + (steps + 1n) * step;
}

function wholeNumber(value: JsonValue | undefined): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : null;
}

function exactNumber(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value;
}

export interface AssignmentFills {
  /** Rows that were there, and what a column is before; or new ones, each at another place: a number of the type bigint. */
  readonly rows:
    | { readonly kind: 'old'; readonly before: (field: StructField) => Expression }
    | { readonly kind: 'new'; readonly place: Expression };
  readonly nowMs: number;
}

/**
 * The assignments of a clause, and values for the columns that it leaves out and the table makes: of rows that are new defaults
 * and identity columns, and generated columns of which something is assigned. Errors: `RULE_UNSUPPORTED`, `COLUMN_GIVEN`.
 */
export function withFills(
  schema: StructType,
  assigned: ReadonlyMap<StructField, Expression>,
  { rows, nowMs }: AssignmentFills,
): ReadonlyMap<StructField, Expression> {
  const known = new Map(assigned);
  if (rows.kind === 'new') {
    for (const field of schema.fields) {
      if (assigned.has(field)) checkGiven(field);
      else known.set(field, newValue(field, rows.place, nowMs));
    }
  }
  const all = new Map(known);
  for (const field of schema.fields) {
    const text = field.metadata[GENERATION];
    if (typeof text !== 'string' || assigned.has(field)) continue;
    const expression = withTime(parseExpression(text), nowMs);
    const read = columnsRead(expression, schema).fields;
    if (rows.kind === 'old' && !read.some((column) => known.has(column))) continue;
    all.set(field, generatedFrom(expression, { schema, known, rows, field, text }));
  }
  return all;
}

function checkGiven(field: StructField): void {
  if (isIdentity(field) && !identityOf(field).allowsGiven) throw columnGiven(field.name);
}

const NOTHING: Expression = { kind: 'literal', value: null, type: VOID };

/** What a new row has in a column that nothing is assigned to and that is not generated. */
function newValue(field: StructField, place: Expression, nowMs: number): Expression {
  if (!isIdentity(field)) return defaultOf(field, nowMs);
  const { next, step } = identityOf(field);
  const long = (number: bigint): Expression => ({ kind: 'literal', value: number, type: LONG });
  const distance: Expression = { kind: 'binary', operator: '*', left: long(step), right: place };
  return { kind: 'binary', operator: '+', left: long(next), right: distance };
}

/** Null where the column has none. */
export function defaultOf({ metadata }: StructField, nowMs: number): Expression {
  const value = metadata[DEFAULT];
  return typeof value === 'string' ? withTime(parseExpression(value), nowMs) : NOTHING;
}

interface Generating extends Pick<AssignmentFills, 'rows'> {
  readonly schema: StructType;
  readonly known: ReadonlyMap<StructField, Expression>;
  readonly field: StructField;
  readonly text: string;
}

/** The expression with what becomes of each column in its place. */
function generatedFrom(
  expression: Expression,
  { schema, known, rows, field, text }: Generating,
): Expression {
  return mapColumns(expression, ([name = '', ...inside]) => {
    const column = findField(schema, name);
    const old = column !== null && rows.kind === 'old' ? rows.before(column) : NOTHING;
    if (column !== null) {
      const value = memberOf(known.get(column) ?? old, inside);
      if (inside.length > 0) return value;
      return { kind: 'cast', operand: value, type: column.type, lenient: false };
    }
    const why = columnUnknown(
      name,
      schema.fields.map((it) => it.name),
    );
    throw ruleUnsupported(`the generated column ${field.name}`, text, why);
  });
}
