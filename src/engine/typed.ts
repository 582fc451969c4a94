/** A translated expression: DuckDB's text with the type Spark gives it. */

import { present } from '../base/index.ts';
import type { DataType, Scalar } from '../schema/index.ts';
import { duckType } from './duck-type.ts';
import { blobLiteral, literal } from './quote.ts';
import { is } from './type-rules.ts';

export interface Typed {
  readonly sql: string;
  readonly type: DataType;
  /** The value of a literal; undefined for everything else. */
  readonly constant?: Scalar | null;
  /** Whether evaluating it can fail on some value: then it must not run where Spark would not run it. */
  readonly fallible: boolean;
}

export function typed(sql: string, type: DataType, ...operands: readonly Typed[]): Typed {
  return { sql, type, fallible: operands.some((operand) => operand.fallible) };
}

export function fallible(sql: string, type: DataType): Typed {
  return { sql, type, fallible: true };
}

/** A literal of a type. The value is in the form of `Scalar`. */
export function constant(value: Scalar | null, type: DataType): Typed {
  return { sql: constantSql(value, type), type, constant: value, fallible: false };
}

/** The SQL of a value in the form of `Scalar`, typed as the engine types it. */
export function constantSql(value: Scalar | null, type: DataType): string {
  if (value === null) return `CAST(NULL AS ${duckType(type)})`;
  if (typeof value === 'string') return literal(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (value instanceof Uint8Array) return blobLiteral(value);
  if (is(type, 'date')) return `make_date(${String(value)})`;
  if (is(type, 'timestamp', 'timestamp_ntz')) {
    const infinity = INFINITIES.get(BigInt(value));
    if (infinity !== undefined) return `CAST('${infinity}' AS ${duckType(type)})`;
    return `make_${is(type, 'timestamp') ? 'timestamptz' : 'timestamp'}(${String(value)})`;
  }
  if (is(type, 'float', 'double')) {
    const text = Object.is(value, -0) ? '-0.0' : String(value);
    return `CAST('${text}' AS ${duckType(type)})`;
  }
  if (type.kind === 'decimal') {
    return `CAST('${unscaledText(BigInt(value), type.scale)}' AS ${duckType(type)})`;
  }
  return `CAST(${String(value)} AS ${duckType(type)})`;
}

/** Moments that the engine takes for infinite, and makes of no number. */
const INFINITIES: ReadonlyMap<bigint, string> = new Map([
  [9_223_372_036_854_775_807n, 'infinity'],
  [-9_223_372_036_854_775_807n, '-infinity'],
]);

/** Decimal text of an unscaled value: `-1230`, 2 → `-12.30`. */
export function unscaledText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const cut = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`;
  return unscaled < 0n ? `-${text}` : text;
}

/**
 * Names for operands that a translation uses more than once: the operand is evaluated, and spelt, once, so that nested
 * expressions do not grow exponentially.
 */
export class Binder {
  #count = 0;

  /**
   * The engine takes a lambda for what never fails, and asks it about all values of a dictionary, those of rows that a condition left
   * out too. A slice is a list for each row.
   */
  bind(operandSql: string, body: (name: string) => string): string {
    if (isAtom(operandSql)) return body(operandSql);
    return `list_transform([${operandSql}][1:1], ${this.element(body)})[1]`;
  }

  /** A lambda over the elements of a list. */
  element(body: (name: string) => string): string {
    this.#count += 1;
    const name = `"\u03bb${String(this.#count)}"`;
    return `lambda ${name}: ${body(name)}`;
  }

  bindAll(operandSqls: readonly string[], body: (names: readonly string[]) => string): string {
    const step = (index: number, names: readonly string[]): string =>
      index === operandSqls.length
        ? body(names)
        : this.bind(present(operandSqls[index], 'operand'), (name) =>
            step(index + 1, [...names, name]),
          );
    return step(0, []);
  }
}

const ATOM_LENGTH_MAX = 64;

function isAtom(sql: string): boolean {
  return (
    /^(?:"(?:[^"]|"")*"\.)*"(?:[^"]|"")*"$/.test(sql) ||
    (sql.length <= ATOM_LENGTH_MAX && /^(?:CAST\('?-?[\w.+-]*'? AS [\w(), ]+\)|'[^']*')$/.test(sql))
  );
}
