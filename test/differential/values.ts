/** Types, and the values of them at which writers and readers go wrong. */

import { present } from '../../src/base/index.ts';
import {
  type DataType,
  decimalType,
  isPartitionType,
  type PrimitiveName,
  type Row,
  type RowValue,
  type StructField,
  type StructType,
} from '../../src/schema/index.ts';
import type { Dice } from './dice.ts';

const POOLS: Partial<Readonly<Record<PrimitiveName, readonly RowValue[]>>> = {
  boolean: [true, false],
  byte: [-128, -1, 0, 1, 127],
  short: [-32_768, -1, 0, 1, 32_767],
  integer: [-2_147_483_648, -1, 0, 1, 2, 3, 1_000_000, 2_147_483_647],
  long: [-(2n ** 63n), -1n, 0n, 1n, 2n, 3n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  float: [Number.NaN, -0, 0, 1, -1.5, Math.fround(0.1), Math.fround(3.4e38), Infinity, -Infinity],
  double: [Number.NaN, -0, 0, 1, -1.5, 0.1, 5e-324, 1e21, 1.797e308, Infinity, -Infinity],
  date: ['0001-01-01', '1500-02-28', '1582-10-04', '1582-10-15', '1969-12-31', '1970-01-01'].concat(
    '2024-02-29',
    '2026-11-23',
    '9999-12-31',
  ),
  binary: [[], [0], [255, 0, 1], [104, 105], [195, 169]].map((bytes) => Uint8Array.from(bytes)),
  string: ['', 'a', 'b', 'A', ' a ', 'é', 'a/b', 'x=1', '100%', '%2F', 'a:b', "it's", '"', '\\']
    .concat('null', 'NULL', '𝒳', '\u{1F600}', '\uFFFD', 'a\nb', '\t', '\u0001', 'a+b&c', '~', '.')
    .concat(`${'long '.repeat(8)}1`, `${'long '.repeat(8)}2`, `${'z'.repeat(31)}\u{1F600}`),
};

const TIMES: readonly string[] = ['0001-01-01T00:00:00.000000', '1582-10-04T23:59:59.999999']
  .concat('1582-10-15T00:00:00.000000', '1883-11-18T12:03:58.000001', '1969-12-31T23:59:59.999999')
  .concat('1970-01-01T00:00:00.000000', '2024-02-29T12:34:56.789012', '2026-11-23T00:00:00.001000')
  .concat('9999-12-31T23:59:59.999999');

const SCALARS: readonly PrimitiveName[] = [
  'boolean',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'date',
  'binary',
  'string',
  'timestamp',
  'timestamp_ntz',
];
const MAP_KEYS: readonly PrimitiveName[] = ['string', 'integer', 'long', 'date'];

const DECIMALS = [
  [1, 0],
  [9, 2],
  [18, 18],
  [19, 4],
  [36, 10],
  [38, 0],
  [38, 18],
  [38, 38],
] as const;

export function randomScalarType(dice: Dice): DataType {
  if (dice.chance(0.15)) {
    const [precision, scale] = dice.pick(DECIMALS);
    return decimalType(precision, scale);
  }
  return { kind: 'primitive', name: dice.pick(SCALARS) };
}

export function randomType(dice: Dice, depth = 0): DataType {
  const kind = depth < 2 && dice.chance(0.3) ? dice.pick(['struct', 'array', 'map']) : 'scalar';
  switch (kind) {
    case 'struct':
      return {
        kind: 'struct',
        fields: dice.list(1, 3, (index) => fieldOf(`f${index}`, randomType(dice, depth + 1))),
      };
    case 'array':
      return { kind: 'array', element: randomType(dice, depth + 1), containsNull: true };
    case 'map': {
      const key: DataType = { kind: 'primitive', name: dice.pick(MAP_KEYS) };
      return { kind: 'map', key, value: randomType(dice, depth + 1), valueContainsNull: true };
    }
    default:
      return randomScalarType(dice);
  }
}

/** Of columns that a table is partitioned by: bytes and floating numbers have no one text that all engines write. */
export function isPartitioning(type: DataType): boolean {
  const isOpen = type.kind === 'primitive' && ['binary', 'float', 'double'].includes(type.name);
  return isPartitionType(type) && !isOpen;
}

/** Of columns whose values have an order. */
export function isScalar(type: DataType): boolean {
  return type.kind === 'primitive' || type.kind === 'decimal';
}

export function fieldOf(name: string, type: DataType, nullable = true): StructField {
  return { name, type, nullable, metadata: {} };
}

export function randomRow(dice: Dice, schema: StructType): Row {
  return Object.fromEntries(schema.fields.map((field) => [field.name, randomField(dice, field)]));
}

function randomField(dice: Dice, { type, nullable }: StructField): RowValue {
  return !nullable && !dice.chance(0.03) ? presentValue(dice, type) : randomValue(dice, type);
}

/** At times null. */
export function randomValue(dice: Dice, type: DataType): RowValue {
  return dice.chance(0.15) ? null : presentValue(dice, type);
}

export function presentValue(dice: Dice, type: DataType): RowValue {
  switch (type.kind) {
    case 'primitive': {
      const { name } = type;
      if (name === 'timestamp') return `${dice.pick(TIMES)}Z`;
      if (name === 'timestamp_ntz') return dice.pick(TIMES);
      return dice.pick(present(POOLS[name], 'values of the type'));
    }
    case 'decimal':
      return randomDecimal(dice, type.precision, type.scale);
    case 'struct':
      return randomRow(dice, type);
    case 'array':
      return dice.list(0, 3, () => randomValue(dice, type.element));
    default: {
      const keys = dice.list(0, 3, () => presentValue(dice, type.key));
      return [...new Set(keys)].map((key) => [key, randomValue(dice, type.value)]);
    }
  }
}

function randomDecimal(dice: Dice, precision: number, scale: number): string {
  const digits = dice.pick(['0', '1', '2', '9'.repeat(precision), '5'.repeat(precision)]);
  const padded = digits.padStart(scale + 1, '0');
  const cut = padded.length - scale;
  const text = scale === 0 ? padded : `${padded.slice(0, cut)}.${padded.slice(cut)}`;
  return digits !== '0' && dice.chance(0.5) ? `-${text}` : text;
}
