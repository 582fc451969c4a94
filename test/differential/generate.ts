/** Programs by lot. The model runs along, so that most steps have a meaning and conditions are about columns that there are. */

import { type StructField, type StructType, typeName } from '../../src/schema/index.ts';
import { Dice } from './dice.ts';
import { isTrue } from './expressions.ts';
import { columnsOf, randomCondition, randomSet } from './generate-expressions.ts';
import { randomMerge } from './generate-merge.ts';
import { ddlOf, grown, lessened, modeOf, NAMES, ODD_NAMES } from './generate-schema.ts';
import { apply } from './model.ts';
import { widerTypes } from './model-columns.ts';
import { emptyTable, isMapped, type ModelTable } from './model-table.ts';
import type { AppendStep, OverwriteStep, Path, Program, Step } from './program.ts';
import {
  fieldOf,
  isPartitioning,
  isScalar,
  randomRow,
  randomScalarType,
  randomType,
} from './values.ts';

const STEPS = [4, 10] as const;
const ROWS_MAX = 20;

export function generate(seed: number): Program {
  const dice = new Dice(seed);
  const program = start(dice, seed);
  const states = [emptyTable(program)];
  const steps: Step[] = [];
  const count = dice.between(...STEPS);
  while (steps.length < count) {
    const table = states.at(-1) ?? emptyTable(program);
    const step = steps.length === 0 ? append(dice, table) : draw(dice, table);
    const verdict = step === null ? null : apply(states, step);
    if (step === null || verdict === null || verdict.kind === 'unfit') continue;
    steps.push(step);
    if (verdict.kind === 'done') states.push(verdict.table);
  }
  return { ...program, steps };
}

function start(dice: Dice, seed: number): Program {
  const properties = startProperties(dice);
  const mapped = 'delta.columnMapping.mode' in properties;
  const names = dice.some(mapped ? [...NAMES, ...ODD_NAMES] : NAMES, 1, 6);
  const schema: StructType = {
    kind: 'struct',
    fields: [
      fieldOf('k', randomScalarType(dice), !dice.chance(0.1)),
      ...names.map((name) => fieldOf(name, randomType(dice), !dice.chance(0.07))),
    ],
  };
  const able = schema.fields.filter(({ type }) => isPartitioning(type)).map(({ name }) => name);
  const most = Math.min(2, schema.fields.length - 1);
  const partitionBy = dice.chance(0.5) ? dice.some(able, 0, most) : [];
  return {
    name: `seed ${seed}`,
    store: dice.chance(0.5) ? 'memory' : 'disk',
    schema: ddlOf(withNullable(schema, partitionBy)),
    partitionBy,
    properties,
    steps: [],
  };
}

/** An empty text in a partition column is null to those who read it, and not to those who check it. */
function withNullable(schema: StructType, partitionBy: readonly string[]): StructType {
  const fields = schema.fields.map((field) =>
    partitionBy.includes(field.name) ? { ...field, nullable: true } : field,
  );
  return { ...schema, fields };
}

function startProperties(dice: Dice): Readonly<Record<string, string>> {
  const offered: readonly (readonly [string, string, number])[] = [
    ['delta.enableDeletionVectors', 'true', 0.35],
    ['delta.enableChangeDataFeed', 'true', 0.4],
    ['delta.columnMapping.mode', dice.chance(0.8) ? 'name' : 'id', 0.35],
    ['delta.enableTypeWidening', 'true', 0.2],
    ['delta.checkpointInterval', '3', 0.3],
    ['delta.checkpointPolicy', 'v2', 0.1],
    ['delta.checkpoint.writeStatsAsStruct', 'true', 0.1],
    ['delta.dataSkippingNumIndexedCols', '1', 0.1],
    ['delta.dataSkippingStringPrefixLength', '2', 0.1],
    ['delta.enableInCommitTimestamps', 'true', 0.1],
    ['delta.randomizeFilePrefixes', 'true', 0.05],
    ['delta.autoOptimize.autoCompact', 'true', 0.05],
    ['delta.parquet.compression.codec', 'zstd', 0.1],
  ];
  const taken = offered.filter(([, , share]) => dice.chance(share));
  return Object.fromEntries(taken.map(([key, value]) => [key, value]));
}

type Maker = (dice: Dice, table: ModelTable) => Step | null;

const MAKERS: readonly (readonly [number, Maker])[] = [
  [18, append],
  [8, overwrite],
  [12, (dice, table) => ({ do: 'delete', ...selection(dice, table), ...modeOf(dice, table) })],
  [12, update],
  [20, randomMerge],
  [6, optimize],
  [2, () => ({ do: 'reorg' })],
  [1, (dice, table) => ({ do: 'cluster', by: dice.some(scalarColumns(table), 0, 2) })],
  [4, addColumn],
  [3, (dice, table) => withPath(dice, table, (path) => ({ do: 'drop column', path }))],
  [3, renameColumn],
  [3, widenColumn],
  [1, (dice, table) => withPath(dice, table, (path) => ({ do: 'move column', path }))],
  [2, setNullable],
  [3, setProperties],
  [3, addConstraint],
  [1, dropConstraint],
  [5, (dice) => ({ do: 'restore', back: dice.between(1, 4) })],
  [1, () => ({ do: 'vacuum' })],
  [2, () => ({ do: 'checkpoint' })],
  [3, () => ({ do: 'reopen' })],
  [2, (dice) => ({ do: 'clone', kind: dice.pick(['shallow', 'deep']) })],
  [10, (dice, { schema }) => ({ do: 'read', where: randomCondition(dice, columnsOf(schema)) })],
];

const WEIGHT = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

function draw(dice: Dice, table: ModelTable): Step | null {
  let left = dice.below(WEIGHT);
  const found = MAKERS.find(([weight]) => {
    left -= weight;
    return left < 0;
  });
  return found === undefined ? null : found[1](dice, table);
}

function append(dice: Dice, { schema, properties }: ModelTable): AppendStep {
  const evolves = dice.chance(0.12) && !('delta.dataSkippingStatsColumns' in properties);
  const incoming = evolves ? grown(dice, schema) : lessened(dice, schema);
  const rows = dice.list(1, ROWS_MAX, () => randomRow(dice, incoming));
  const step: AppendStep = { do: 'append', schema: ddlOf(incoming), rows };
  return evolves ? { ...step, evolve: true } : step;
}

function overwrite(dice: Dice, table: ModelTable): OverwriteStep {
  const { schema, partitionBy } = table;
  const rows = dice.list(0, ROWS_MAX, () => randomRow(dice, schema));
  const step: OverwriteStep = { do: 'overwrite', schema: ddlOf(schema), rows };
  switch (dice.pick(['all', 'where', 'using', 'dynamic'])) {
    case 'where': {
      const columns = { ...schema, fields: namedFields(schema, partitionBy) };
      const byPartition = partitionBy.length > 0 && dice.chance(0.5);
      const where = randomCondition(dice, columnsOf(byPartition ? columns : schema));
      const fitting = dice.chance(0.9) ? rows.filter((row) => isTrue(where, row)) : rows;
      return { ...step, where, rows: fitting };
    }
    case 'using':
      return { ...step, using: dice.some(scalarColumns(table), 1, 2) };
    case 'dynamic':
      return { ...step, dynamic: true };
    default:
      return step;
  }
}

function update(dice: Dice, table: ModelTable): Step {
  const set = randomSet(dice, table.schema, { from: columnsOf(table.schema), depth: 2 });
  return { do: 'update', set, ...selection(dice, table), ...modeOf(dice, table) };
}

function selection(dice: Dice, { schema }: ModelTable) {
  return dice.chance(0.08) ? {} : { where: randomCondition(dice, columnsOf(schema)) };
}

function optimize(dice: Dice, table: ModelTable): Step {
  const by = scalarColumns(table).filter((name) => !table.partitionBy.includes(name));
  const isPlain = dice.chance(0.5) || by.length === 0;
  return isPlain ? { do: 'optimize' } : { do: 'optimize', zOrderBy: dice.some(by, 1, 3) };
}

function addColumn(dice: Dice, table: ModelTable): Step {
  const structs = pathsOf(table.schema).filter(({ field }) => field.type.kind === 'struct');
  const parent = structs.length > 0 && dice.chance(0.4) ? dice.pick(structs).path : [];
  const path = [...parent, newName(dice, table)];
  const first = dice.chance(0.2) ? ({ first: true } as const) : {};
  return { do: 'add column', path, type: typeName(randomType(dice, 1)), ...first };
}

function renameColumn(dice: Dice, table: ModelTable): Step | null {
  const name = newName(dice, table);
  return withPath(dice, table, (path) => ({ do: 'rename column', path, name }));
}

function newName(dice: Dice, table: ModelTable): string {
  return dice.pick(isMapped(table) ? [...NAMES, ...ODD_NAMES] : NAMES);
}

function widenColumn(dice: Dice, table: ModelTable): Step | null {
  const able = pathsOf(table.schema).filter(({ field }) => widerTypes(field.type).length > 0);
  if (able.length === 0) return null;
  const { path, field } = dice.pick(able);
  return { do: 'widen column', path, type: dice.pick(widerTypes(field.type)) };
}

function setNullable(dice: Dice, { schema, partitionBy }: ModelTable): Step | null {
  const able = schema.fields.filter(({ name }) => !partitionBy.includes(name));
  return { do: 'set nullable', column: dice.pick(able).name, nullable: dice.chance(0.5) };
}

function setProperties(dice: Dice, table: ModelTable): Step {
  const [on, off] = [{ on: 'true' }, { on: 'false' }] as const;
  const offered: readonly Readonly<Record<string, string>>[] = [
    { 'delta.enableDeletionVectors': dice.pick([on, off]).on },
    { 'delta.enableChangeDataFeed': dice.pick([on, off]).on },
    { 'delta.enableTypeWidening': 'true' },
    ...(isMapped(table) ? [] : [{ 'delta.columnMapping.mode': 'name' }]),
  ];
  return { do: 'set properties', set: dice.pick(offered) };
}

/** Most of the time true of the rows that are there. */
function addConstraint(dice: Dice, { schema, rows, constraints }: ModelTable): Step {
  const name = `c${constraints.size}`;
  const tries = Array.from({ length: 6 }, () => randomCondition(dice, columnsOf(schema)));
  const holds = tries.find((check) => rows.every((row) => isTrue(check, row)));
  return { do: 'add constraint', name, check: holds ?? randomCondition(dice, columnsOf(schema)) };
}

function dropConstraint(dice: Dice, { constraints }: ModelTable): Step | null {
  const names = [...constraints.keys()];
  return names.length === 0 ? null : { do: 'drop constraint', name: dice.pick(names) };
}

function withPath(dice: Dice, { schema }: ModelTable, make: (path: Path) => Step): Step {
  return make(dice.pick(pathsOf(schema)).path);
}

interface Place {
  readonly path: Path;
  readonly field: StructField;
}

/** All columns, and fields of structs in them. */
function pathsOf(schema: StructType, parent: Path = []): readonly Place[] {
  return schema.fields.flatMap((field): readonly Place[] => {
    const path = [...parent, field.name];
    const inside = field.type.kind === 'struct' ? pathsOf(field.type, path) : [];
    return [{ path, field }, ...inside];
  });
}

function scalarColumns({ schema }: ModelTable): readonly string[] {
  return schema.fields.filter(({ type }) => isScalar(type)).map(({ name }) => name);
}

function namedFields(schema: StructType, names: readonly string[]): readonly StructField[] {
  return schema.fields.filter(({ name }) => names.includes(name));
}
