/** Conditions and values over the columns of a table. */

import { type DataType, type RowValue, type StructType, typeName } from '../../src/schema/index.ts';
import type { Dice } from './dice.ts';
import type { Comparison, Expr } from './expressions.ts';
import type { Assignment, Path } from './program.ts';
import { isScalar, presentValue, randomValue } from './values.ts';

export interface Column {
  readonly path: Path;
  readonly type: DataType;
  readonly nullable: boolean;
}

const COMPARISONS: readonly Comparison[] = ['=', '=', '<=>', '<>', '<', '<=', '>', '>='];

/** A condition over some of the columns, of which there is one at least. */
export function randomCondition(dice: Dice, columns: readonly Column[], depth = 0): Expr {
  const inner = (): Expr => randomCondition(dice, columns, depth + 1);
  if (depth < 2 && dice.chance(0.35)) {
    const op = dice.pick(['and', 'or', 'not'] as const);
    if (op === 'not') return { op, args: [inner()] };
    return { op, args: dice.list(2, 3, inner) };
  }
  const scalars = columns.filter(({ type }) => isScalar(type));
  if (scalars.length === 0 || dice.chance(0.15)) {
    return { op: 'is null', args: [columnExpr(dice.pick(columns))] };
  }
  return comparison(dice, dice.pick(scalars), scalars);
}

function comparison(dice: Dice, subject: Column, scalars: readonly Column[]): Expr {
  const same = scalars.filter(
    (other) => other !== subject && typeName(other.type) === typeName(subject.type),
  );
  if (same.length > 0 && dice.chance(0.3)) {
    const args = [columnExpr(subject), columnExpr(dice.pick(same))] as const;
    return { op: dice.pick(COMPARISONS), args };
  }
  if (dice.chance(0.15)) {
    const items = dice.list(1, 4, () => literal(randomValue(dice, subject.type), subject.type));
    return { op: 'in', args: [columnExpr(subject), ...items] };
  }
  const value = dice.chance(0.05) ? null : presentValue(dice, subject.type);
  return {
    op: dice.pick(COMPARISONS),
    args: [columnExpr(subject), literal(value, subject.type)],
  };
}

export interface SetOptions {
  /** What values are made of. */
  readonly from: readonly Column[];
  /** How deep into structs assignments go. */
  readonly depth: number;
}

/** New values for some of the columns of a table, or for fields of them. */
export function randomSet(
  dice: Dice,
  table: StructType,
  { from, depth }: SetOptions,
): readonly Assignment[] {
  const targets = columnsOf(table).filter(({ path }) => path.length <= depth);
  const taken = dice.some(targets, 1, 3);
  const apart = taken.filter(({ path }) => !taken.some((other) => isWithin(path, other.path)));
  return apart.map((target) => [target.path, newValue(dice, target, from)]);
}

function newValue(dice: Dice, target: Column, sources: readonly Column[]): Expr {
  const { type } = target;
  const same = sources.filter((column) => typeName(column.type) === typeName(type));
  if (same.length > 0 && dice.chance(0.4)) return columnExpr(dice.pick(same));
  if (!isScalar(type)) return same.length > 0 ? columnExpr(dice.pick(same)) : literal(null, type);
  if (same.length > 0 && canAdd(type) && dice.chance(0.4)) {
    const addend = dice.chance(0.1) ? presentValue(dice, type) : one(type);
    return { op: '+', args: [columnExpr(dice.pick(same)), literal(addend, type)] };
  }
  return literal(target.nullable ? randomValue(dice, type) : presentValue(dice, type), type);
}

/** A sum of decimals has a digit more than they have; there are no more than 38. */
function canAdd(type: DataType): boolean {
  if (type.kind === 'decimal') return type.precision < 38 && type.precision > type.scale;
  const numbers = ['byte', 'short', 'integer', 'long', 'float', 'double'];
  return type.kind === 'primitive' && numbers.includes(type.name);
}

function one(type: DataType): RowValue {
  if (type.kind === 'decimal') return type.scale === 0 ? '1' : `1.${'0'.repeat(type.scale)}`;
  return type.kind === 'primitive' && type.name === 'long' ? 1n : 1;
}

/** Columns and fields of structs in them. */
export function columnsOf(schema: StructType, parent: Path = []): readonly Column[] {
  return schema.fields.flatMap(({ name, type, nullable }): readonly Column[] => {
    const path = [...parent, name];
    const inside = type.kind === 'struct' ? columnsOf(type, path) : [];
    return [{ path, type, nullable }, ...inside];
  });
}

export function columnExpr({ path, type }: Pick<Column, 'path' | 'type'>): Expr {
  return { column: path, type: typeName(type) };
}

export function literal(value: RowValue, type: DataType): Expr {
  return { value, type: typeName(type) };
}

function isWithin(path: Path, outer: Path): boolean {
  return outer.length < path.length && outer.every((name, index) => path[index] === name);
}
