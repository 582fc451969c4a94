/**
 * Spark's CAST in ANSI mode. DuckDB's own casts round where Spark truncates, take text that Spark refuses, and print
 * numbers another way, so that each pair of types says here how it is done.
 */

import type { DataType, PrimitiveName } from '../schema/index.ts';
import { duckType } from './duck-type.ts';
import { castRefused } from './errors.ts';
import { dateText, decimalOfText, decimalText, doubleText, timestampText } from './number-text.ts';
import { literal } from './quote.ts';
import { is, isFractional, isIntegral, isNumeric, sameType, typeText } from './type-rules.ts';
import { type Binder, constant, type Typed, typed } from './typed.ts';

const WHITESPACE = "chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' '";
const INTEGER_TEXT = '[+-]?[0-9]+';
const NUMBER_TEXT = '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?';
const DATE_TEXT = '([0-9]{4,6})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T].*)?)?)?';
const ZONE_TEXT = ' ?(?:Z|(?:UTC|GMT|UT)?(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?|[A-Za-z]+/[A-Za-z_/]+)';
const TIMESTAMP_TEXT =
  '([0-9]{4,6})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T]([01]?[0-9]|2[0-3])(?::([0-5]?[0-9])' +
  `(?::([0-5]?[0-9])(?:\\.([0-9]{0,6})[0-9]*)?(${ZONE_TEXT})?)?)?)?)?)?`;

export interface CastOptions {
  /** TRY_CAST: null where the value does not fit. */
  readonly lenient: boolean;
}

/** The operand as another type; `EXPRESSION_TYPE` (invalid) where Spark has no such cast. */
export function castTo(
  operand: Typed,
  type: DataType,
  binder: Binder,
  { lenient }: CastOptions = { lenient: false },
): Typed {
  if (sameType(operand.type, type)) return { ...operand, type };
  if (operand.constant === null || is(operand.type, 'void')) return constant(null, type);
  const cast = new Cast(operand, type, binder, lenient);
  const sql = cast.sql();
  if (sql === null) throw castRefused(typeText(operand.type), typeText(type));
  return { sql, type, fallible: !lenient && (operand.fallible || !isWidening(operand.type, type)) };
}

/** Whether every value of `from` fits `to`, so that the cast cannot fail. */
export function isWidening(from: DataType, to: DataType): boolean {
  if (is(to, 'string')) return !is(from, 'binary');
  if (isFractional(to)) return isNumeric(from);
  if (isIntegral(from) && isIntegral(to)) return order(from) <= order(to);
  return is(from, 'date', 'timestamp_ntz') && is(to, 'timestamp', 'timestamp_ntz');
}

/** An integer divided, rounded down. */
export function floorDivided(sql: string, divisor: number): string {
  if (divisor === 1) return sql;
  const d = String(divisor);
  return `((${sql} - ((${sql} % ${d}) + ${d}) % ${d}) // ${d})`;
}

function order(type: DataType): number {
  const ranks: readonly PrimitiveName[] = ['byte', 'short', 'integer', 'long'];
  return type.kind === 'primitive' ? ranks.indexOf(type.name) : -1;
}

class Cast {
  readonly #operand: Typed;
  readonly #type: DataType;
  readonly #binder: Binder;
  readonly #lenient: boolean;

  constructor(operand: Typed, type: DataType, binder: Binder, lenient: boolean) {
    this.#operand = operand;
    this.#type = type;
    this.#binder = binder;
    this.#lenient = lenient;
  }

  sql(): string | null {
    const type = this.#type;
    // Which text a variant is cast to depends on what it holds.
    if (is(this.#operand.type, 'variant')) return null;
    if (is(this.#operand.type, 'string')) return this.#fromText();
    if (is(type, 'string')) return this.#toText();
    if (isIntegral(type)) return this.#toIntegral();
    if (type.kind === 'decimal') return this.#toDecimal();
    if (isFractional(type)) return this.#toFractional();
    if (is(type, 'boolean')) {
      return isNumeric(this.#operand.type) ? `(${this.#operand.sql} <> 0)` : null;
    }
    if (is(type, 'date', 'timestamp', 'timestamp_ntz')) return this.#toDatetime();
    return this.#nested();
  }

  #as(sql: string): string {
    return `${this.#lenient ? 'TRY_CAST' : 'CAST'}(${sql} AS ${duckType(this.#type)})`;
  }

  #failure(): string {
    if (this.#lenient) return 'NULL';
    return `error(${literal(`CAST_INVALID_INPUT: a ${typeText(this.#operand.type)} is no ${typeText(this.#type)}`)})`;
  }

  /** The trimmed text where it has the form; else a failure. */
  #fromText(): string | null {
    const type = this.#type;
    const text = `trim(${this.#operand.sql}, ${WHITESPACE})`;
    if (is(type, 'binary')) return `encode(${this.#operand.sql})`;
    return this.#binder.bind(text, (t) => {
      const form = this.#textForm(t);
      if (form === null) throw castRefused('string', typeText(type));
      return form;
    });
  }

  #textForm(t: string): string | null {
    const type = this.#type;
    const checked = (pattern: string, then: string): string =>
      `CASE WHEN ${t} IS NULL THEN NULL WHEN regexp_full_match(${t}, ${literal(pattern)}) THEN ${then} ` +
      `ELSE ${this.#failure()} END`;
    if (isIntegral(type)) return checked(INTEGER_TEXT, this.#as(t));
    if (type.kind === 'decimal') {
      // By way of the widest: the engine counts the digits before an exponent against the width.
      const widest = `DECIMAL(38, ${String(type.scale)})`;
      const cast = (text: string): string =>
        this.#as(`${this.#lenient ? 'TRY_CAST' : 'CAST'}(${text} AS ${widest})`);
      const { scale } = type;
      return checked(NUMBER_TEXT, decimalOfText(t, `TRY_CAST(${t} AS DOUBLE)`, { scale, cast }));
    }
    if (isFractional(type)) {
      return (
        `CASE WHEN lower(${t}) IN ('nan', '+nan', '-nan') THEN ${this.#as("'NaN'")} ` +
        `WHEN lower(${t}) IN ('inf', '+inf', 'infinity', '+infinity') THEN ${this.#as("'Infinity'")} ` +
        `WHEN lower(${t}) IN ('-inf', '-infinity') THEN ${this.#as("'-Infinity'")} ` +
        `ELSE ${checked(`${NUMBER_TEXT}[dDfF]?`, this.#as(`rtrim(${t}, 'dDfF')`))} END`
      );
    }
    if (is(type, 'boolean')) {
      return (
        `CASE WHEN ${t} IS NULL THEN NULL WHEN lower(${t}) IN ('t', 'true', 'y', 'yes', '1') THEN TRUE ` +
        `WHEN lower(${t}) IN ('f', 'false', 'n', 'no', '0') THEN FALSE ELSE ${this.#failure()} END`
      );
    }
    if (is(type, 'date')) {
      const part = (group: number): string =>
        `coalesce(nullif(regexp_extract(${t}, ${literal(`^${DATE_TEXT}$`)}, ${String(group)}, 's'), ''), '1')`;
      return checked(
        `(?s)${DATE_TEXT}`,
        this.#as(`${part(1)} || '-' || ${part(2)} || '-' || ${part(3)}`),
      );
    }
    if (is(type, 'timestamp', 'timestamp_ntz'))
      return checked(TIMESTAMP_TEXT, this.#timestampOf(t));
    return null;
  }

  #timestampOf(t: string): string {
    const group = (index: number): string =>
      `regexp_extract(${t}, ${literal(`^${TIMESTAMP_TEXT}$`)}, ${String(index)})`;
    const part = (index: number, absent: string): string =>
      `coalesce(nullif(${group(index)}, ''), '${absent}')`;
    const wall =
      `${part(1, '1')} || '-' || ${part(2, '1')} || '-' || ${part(3, '1')} || ' ' || lpad(${part(4, '0')}, 2, '0') || ':' || ` +
      `lpad(${part(5, '0')}, 2, '0') || ':' || lpad(${part(6, '0')}, 2, '0') || '.' || rpad(${group(7)}, 6, '0')`;
    if (is(this.#type, 'timestamp_ntz')) return this.#as(wall);
    const zone = (z: string): string =>
      `CASE WHEN ${z} LIKE '%/%' THEN ' ' || ${z} ` +
      `WHEN regexp_matches(${z}, '[0-9]') THEN regexp_extract(${z}, '[+-]') || ` +
      `lpad(regexp_extract(${z}, '([0-9]{1,2}?)(:?[0-9]{2})?$', 1), 2, '0') || ':' || ` +
      `coalesce(nullif(regexp_extract(${z}, '[0-9]:?([0-9]{2})$', 1), ''), '00') ELSE '+00:00' END`;
    return this.#as(`${wall} || ${this.#binder.bind(`trim(${group(8)}, ' ')`, zone)}`);
  }

  #toText(): string | null {
    const { sql, type } = this.#operand;
    if (isFractional(type)) return doubleText(sql, this.#binder);
    if (is(type, 'date')) return dateText(sql, this.#binder);
    if (is(type, 'timestamp', 'timestamp_ntz')) return timestampText(sql, this.#binder);
    if (is(type, 'binary')) return `decode(${sql})`;
    if (type.kind === 'decimal') return decimalText(sql, type);
    return type.kind === 'primitive' ? `CAST(${sql} AS VARCHAR)` : null;
  }

  #toIntegral(): string | null {
    const { sql, type } = this.#operand;
    if (isIntegral(type) || is(type, 'boolean')) return this.#as(sql);
    if (type.kind === 'decimal' || isFractional(type)) return this.#as(`trunc(${sql})`);
    if (!is(type, 'timestamp')) return null;
    return this.#binder.bind(`epoch_us(${sql})`, (micros) =>
      this.#as(floorDivided(micros, 1_000_000)),
    );
  }

  #toDecimal(): string | null {
    const { sql, type } = this.#operand;
    if (isIntegral(type) || is(type, 'boolean'))
      return this.#as(`CAST(${sql} AS ${is(type, 'boolean') ? 'INTEGER' : duckType(type)})`);
    if (type.kind === 'decimal') return this.#as(sql);
    // Spark rounds the shortest decimal text of the double, not its binary value.
    if (isFractional(type) && this.#type.kind === 'decimal') {
      const { scale } = this.#type;
      return this.#binder.bind(sql, (x) => {
        const cast = (text: string): string => this.#as(text);
        const decimal = decimalOfText(`CAST(${x} AS VARCHAR)`, x, { scale, cast });
        return `CASE WHEN isnan(${x}) THEN NULL ELSE ${decimal} END`;
      });
    }
    return null;
  }

  #toFractional(): string | null {
    const { sql, type } = this.#operand;
    // By way of text, because the engine divides by a power of ten and so misses the nearest double.
    if (type.kind === 'decimal') return this.#as(`CAST(${sql} AS VARCHAR)`);
    if (isNumeric(type)) return this.#as(sql);
    if (is(type, 'boolean')) return this.#as(`CAST(${sql} AS INTEGER)`);
    return is(type, 'timestamp') ? this.#as(`epoch_us(${sql}) / 1000000.0::DOUBLE`) : null;
  }

  #toDatetime(): string | null {
    const { sql, type } = this.#operand;
    if (is(type, 'date', 'timestamp', 'timestamp_ntz')) return this.#as(sql);
    if (is(this.#type, 'timestamp') && isIntegral(type)) {
      return `make_timestamptz(CAST(${sql} AS BIGINT) * 1000000)`;
    }
    return null;
  }

  /** Arrays, element by element. */
  #nested(): string | null {
    const { sql, type } = this.#operand;
    if (type.kind !== 'array' || this.#type.kind !== 'array') return null;
    const target = this.#type.element;
    const element = this.#binder.element(
      (name) =>
        castTo(typed(name, type.element), target, this.#binder, { lenient: this.#lenient }).sql,
    );
    return `list_transform(${sql}, ${element})`;
  }
}
