/** Columns whose type has been widened since older files were written. PROTOCOL.md, "Type Widening". */

import { isJsonObject, type JsonValue } from '../base/index.ts';
import { parseType } from './type-text.ts';
import type { DataType, DecimalType, StructField, StructType } from './types.ts';

/**
 * What is recorded in a schema as a change of type that no value need survive, for people: the first such, or null where
 * there is none.
 */
export function unknownTypeChange(schema: StructType): string | null {
  for (const field of schema.fields) {
    const found = unknownOfField(field) ?? unknownWithin(field.type);
    if (found !== null) return `${field.name}: ${found}`;
  }
  return null;
}

/** Whether every value of one type is also one of the other, by the changes that the protocol allows. */
export function isWidening(from: DataType, to: DataType): boolean {
  if (from.kind === 'decimal') return to.kind === 'decimal' && holdsDecimal(to, from);
  if (from.kind !== 'primitive') return false;
  const digits = INTEGER_DIGITS.get(from.name);
  if (to.kind === 'decimal') {
    return digits !== undefined && holdsDecimal(to, { precision: digits, scale: 0 });
  }
  return to.kind === 'primitive' && (WIDER[from.name] ?? []).includes(to.name);
}

const INTEGER_DIGITS: ReadonlyMap<string, number> = new Map([
  ['byte', 3],
  ['short', 5],
  ['integer', 10],
  ['long', 19],
]);

const WIDER: Readonly<Record<string, readonly string[]>> = {
  byte: ['short', 'integer', 'long', 'double'],
  short: ['integer', 'long', 'double'],
  integer: ['long', 'double'],
  float: ['double'],
  date: ['timestamp_ntz'],
};

function holdsDecimal(
  wide: DecimalType,
  { precision, scale }: Pick<DecimalType, 'precision' | 'scale'>,
): boolean {
  return wide.scale >= scale && wide.precision - wide.scale >= precision - scale;
}

function unknownOfField({ metadata }: StructField): string | null {
  const changes = metadata['delta.typeChanges'] ?? [];
  if (!Array.isArray(changes)) return 'delta.typeChanges is no list';
  for (const change of changes) {
    const text = changeText(change);
    if (text !== null) return text;
  }
  return null;
}

/** Null for a change that is known. */
function changeText(change: JsonValue): string | null {
  if (!isJsonObject(change)) return 'a change of type is no object';
  const [from, to] = [change['fromType'], change['toType']];
  if (typeof from !== 'string' || typeof to !== 'string') return 'a change of type has no types';
  const [fromType, toType] = [typeOf(from), typeOf(to)];
  const known = fromType !== null && toType !== null && isWidening(fromType, toType);
  return known ? null : `${from} to ${to}`;
}

function typeOf(name: string): DataType | null {
  try {
    return parseType(name);
  } catch {
    // A type that is not known makes a change that is not known.
    return null;
  }
}

function unknownWithin(type: DataType): string | null {
  if (type.kind === 'struct') return unknownTypeChange(type);
  if (type.kind === 'array') return unknownWithin(type.element);
  return type.kind === 'map' ? (unknownWithin(type.key) ?? unknownWithin(type.value)) : null;
}
