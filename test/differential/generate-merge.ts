/** Merges by lot. */

import {
  BOOLEAN,
  type Row,
  type StructField,
  type StructType,
  typeName,
} from '../../src/schema/index.ts';
import type { Dice } from './dice.ts';
import type { Expr } from './expressions.ts';
import { columnsOf, literal, randomCondition, randomSet } from './generate-expressions.ts';
import { ddlOf, grown, lessened, modeOf } from './generate-schema.ts';
import { textOf } from './lines.ts';
import type { ModelTable } from './model-table.ts';
import type { InsertClause, MergeStep, RowClause } from './program.ts';
import { isScalar, presentValue, randomRow } from './values.ts';

const ROWS_MAX = 15;

export function randomMerge(dice: Dice, table: ModelTable): MergeStep | null {
  const { schema } = table;
  const keys = schema.fields.filter(({ type }) => isScalar(type));
  if (keys.length === 0) return null;
  const evolves = dice.chance(0.12);
  const source = evolves ? grown(dice, schema) : shuffled(dice, lessened(dice, schema));
  const key = keys.find(({ name }) => name === 'k' && dice.chance(0.8)) ?? dice.pick(keys);
  if (!source.fields.some(({ name }) => name === key.name)) return null;
  const rows = dice.list(0, ROWS_MAX, () => randomRow(dice, source));
  const on = randomOn(dice, key, { schema, source });
  const all = source.fields.length >= schema.fields.length;
  const clauses = (least: number) => dice.list(least, 2, (index) => index);
  const matched = clauses(0).map(() => rowClause(dice, { schema, source, all }));
  const inserted = clauses(0).map(() => insertClause(dice, { schema, source, all }));
  const bySource = dice.chance(0.25)
    ? clauses(1).map(() => rowClause(dice, { schema, source, all: false, bySource: true }))
    : [];
  return {
    do: 'merge',
    schema: ddlOf({ ...source, fields: source.fields.map(nullable) }),
    rows: dice.chance(0.85) ? distinct(rows, key) : rows,
    ...(evolves ? { evolve: true as const } : {}),
    on,
    matched: ordered(matched),
    inserted: ordered(inserted),
    bySource: ordered(bySource),
    ...modeOf(dice, table),
  };
}

interface Sides {
  readonly schema: StructType;
  readonly source: StructType;
}

function randomOn(dice: Dice, key: StructField, { schema, source }: Sides): Expr {
  const type = typeName(key.type);
  const [t, s] = ['t', 's'].map((alias): Expr => ({ column: [alias, key.name], type }));
  if (t === undefined || s === undefined) return literal(true, BOOLEAN);
  const same: Expr = {
    op: dice.chance(0.85) ? '=' : '<=>',
    args: dice.chance(0.5) ? [t, s] : [s, t],
  };
  switch (dice.pick(['plain', 'plain', 'plain', 'target', 'source', 'literal'])) {
    case 'target':
      return { op: 'and', args: [same, randomCondition(dice, columnsOf(schema, ['t']))] };
    case 'source':
      return { op: 'and', args: [same, randomCondition(dice, columnsOf(source, ['s']))] };
    case 'literal': {
      const value = literal(presentValue(dice, key.type), key.type);
      return { op: 'and', args: [same, { op: '=', args: [t, value] }] };
    }
    default:
      return same;
  }
}

interface ClauseOptions extends Sides {
  /** Whether it may take every column. */
  readonly all: boolean;
  /** Whether it is for rows that no source row matches. */
  readonly bySource?: boolean;
}

function rowClause(
  dice: Dice,
  { schema, source, all, bySource = false }: ClauseOptions,
): RowClause {
  const ofSource = bySource ? [] : columnsOf(source, ['s']);
  const columns = [...columnsOf(schema, ['t']), ...ofSource];
  const when = dice.chance(0.5) ? { when: randomCondition(dice, columns) } : {};
  if (dice.chance(0.3)) return { ...when, delete: true };
  if (all && dice.chance(0.4)) return { ...when, set: '*' };
  return { ...when, set: randomSet(dice, schema, { from: columns, depth: 1 }) };
}

function insertClause(dice: Dice, { schema, source, all }: ClauseOptions): InsertClause {
  const columns = columnsOf(source, ['s']);
  const when = dice.chance(0.4) ? { when: randomCondition(dice, columns) } : {};
  if (all && dice.chance(0.6)) return { ...when, insert: '*' };
  return { ...when, insert: randomSet(dice, schema, { from: columns, depth: 1 }) };
}

/** Only the last of several may be without a condition. */
function ordered<T extends { readonly when?: Expr }>(clauses: readonly T[]): readonly T[] {
  const open = clauses.filter(({ when }) => when === undefined);
  return [...clauses.filter(({ when }) => when !== undefined), ...open.slice(0, 1)];
}

function distinct(rows: readonly Row[], key: StructField): readonly Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const text = textOf(row[key.name], key.type);
    const isNew = !seen.has(text);
    seen.add(text);
    return isNew;
  });
}

/** The columns in another order, at times with one more. */
function shuffled(dice: Dice, schema: StructType): StructType {
  return dice.chance(0.3) ? { ...schema, fields: schema.fields.toReversed() } : schema;
}

function nullable(field: StructField): StructField {
  return { ...field, nullable: true };
}
