/** Operations that change rows, drawn by lot: as the table is asked for them, and as what they make of its rows. */

import type { MergeSpec } from '../../../src/table/ops/merge-types.ts';
import type { Plan } from './perform.ts';
import type { Change, Rows, SimRow } from './rows.ts';
import type { OperationsWorld } from './world.ts';

const PARTS = ['a', 'b'] as const;
/** Keys that merges meet at. */
const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4'] as const;
const NUMBERS = 100;

/** Any of them; `name` is of whoever does it, and given to nobody else. */
export function anyChange(world: OperationsWorld, name: string): Plan {
  const chance = world.random.float();
  if (chance < 0.2) return appending(world, name);
  if (chance < 0.5) return merging(world);
  if (chance < 0.7) return updating(world);
  if (chance < 0.9) return deleting(world);
  return overwriting(world, name);
}

/** The rows that a table begins with. */
export function firstRows(world: OperationsWorld): Rows {
  const keyed = KEYS.filter(() => world.random.float() < 0.6).map((key) => rowOf(world, key));
  const others = Array.from({ length: world.terms.rowCount }, (_, index) =>
    rowOf(world, `first ${index}`),
  );
  return [...keyed, ...others];
}

function appending(world: OperationsWorld, name: string): Plan {
  const rows = newRows(world, name);
  return {
    verb: 'append',
    change: (before) => [...before, ...rows],
    run: (table) => table.append({ rows: rows.map(asRow) }),
  };
}

function merging(world: OperationsWorld): Plan {
  const keys = KEYS.filter(() => world.random.float() < 0.4);
  const source = (keys.length === 0 ? [KEYS[0]] : keys).map((key) => rowOf(world, key));
  const { clauses, change } = pick(world, MERGES)(source);
  return {
    verb: 'merge',
    change,
    run: (table) => table.merge({ source: { rows: source.map(asRow) }, ...clauses }),
  };
}

/** A row of the table and the source row with its key; null where it goes. */
type Matched = (row: SimRow, source: SimRow) => SimRow | null;

interface Merge {
  readonly clauses: Omit<MergeSpec, 'source'>;
  readonly change: Change;
}

const ON = 't.id = s.id';
const INSERT = [{ insert: '*' }] as const;

const MERGES: readonly ((source: Rows) => Merge)[] = [
  (source) => ({
    clauses: { on: ON, whenMatched: [{ update: { n: 's.n' } }], whenNotMatched: INSERT },
    change: merged(source, (row, { n }) => ({ ...row, n })),
  }),
  // One that is computed on rows that are not those any more shows in the sum.
  (source) => ({
    clauses: {
      on: ON,
      whenMatched: [{ update: { n: '(t.n + s.n) % 100' } }],
      whenNotMatched: INSERT,
    },
    change: merged(source, (row, { n }) => ({ ...row, n: (row.n + n) % NUMBERS })),
  }),
  (source) => ({
    clauses: {
      on: ON,
      whenMatched: [{ condition: 's.n < 50', delete: true }, { update: { n: '(t.n + 1) % 100' } }],
      whenNotMatched: INSERT,
    },
    change: merged(source, (row, { n }) => (n < 50 ? null : { ...row, n: (row.n + 1) % NUMBERS })),
  }),
  (source) => ({
    clauses: {
      on: ON,
      whenMatched: [{ update: '*' }],
      whenNotMatched: INSERT,
      whenNotMatchedBySource: [{ condition: "t.part = 'a' AND t.n < 20", delete: true }],
    },
    change: merged(
      source,
      (_, row) => row,
      (row) => (row.part === 'a' && row.n < 20 ? null : row),
    ),
  }),
];

function merged(
  source: Rows,
  matched: Matched,
  unmatched: (row: SimRow) => SimRow | null = (row) => row,
): Change {
  const byId = new Map(source.map((row) => [row.id, row]));
  return (rows) => {
    const there = new Set(rows.map(({ id }) => id));
    const kept = rows.flatMap((row) => {
      const found = byId.get(row.id);
      return (found === undefined ? unmatched(row) : matched(row, found)) ?? [];
    });
    return [...kept, ...source.filter(({ id }) => !there.has(id))];
  };
}

/** A condition in SQL, and of a row. */
interface Condition {
  readonly where: string;
  readonly holds: (row: SimRow) => boolean;
}

function condition(world: OperationsWorld): Condition {
  const n = Math.floor(world.random.float() * NUMBERS);
  const part = pick(world, PARTS);
  const key = pick(world, KEYS);
  const small = Math.floor(n / 8);
  return pick(world, [
    { where: `n < ${small}`, holds: (row) => row.n < small },
    { where: `n % 7 = ${n % 7}`, holds: (row) => row.n % 7 === n % 7 },
    {
      where: `part = '${part}' AND n >= ${n}`,
      holds: (row) => row.part === part && row.n >= n,
    },
    { where: `id = '${key}'`, holds: ({ id }) => id === key },
  ]);
}

function updating(world: OperationsWorld): Plan {
  const { where, holds } = condition(world);
  // Each number becomes another one, and none the same twice: a change that is lost or done again shows.
  const isMove = world.random.float() < 0.2;
  const set: Readonly<Record<string, string>> = isMove
    ? { part: "CASE WHEN part = 'a' THEN 'b' ELSE 'a' END" }
    : { n: '(n * 7 + 13) % 100' };
  const updated = (row: SimRow): SimRow =>
    isMove
      ? { ...row, part: row.part === 'a' ? 'b' : 'a' }
      : { ...row, n: (row.n * 7 + 13) % NUMBERS };
  return {
    verb: 'update',
    change: (rows) => rows.map((row) => (holds(row) ? updated(row) : row)),
    run: (table) => table.update({ where, set }),
  };
}

function deleting(world: OperationsWorld): Plan {
  const { where, holds } = condition(world);
  return {
    verb: 'delete',
    change: (rows) => rows.filter((row) => !holds(row)),
    run: (table) => table.delete({ where }),
  };
}

/** Rows with some numbers, or one row, go from all versions. */
export function erasing(world: OperationsWorld): Plan {
  const below = Math.ceil(world.random.float() * 6);
  const first = `first ${Math.floor(world.random.float() * world.terms.rowCount)}`;
  const { where, holds } = pick<Condition>(world, [
    { where: `n < ${below}`, holds: ({ n }) => n < below },
    { where: `id = '${first}'`, holds: ({ id }) => id === first },
  ]);
  return {
    verb: 'erase',
    change: (rows) => rows.filter((row) => !holds(row)),
    erases: holds,
    run: async (table) => {
      const since = world.scheduler.nowMs;
      const { clean } = await table.erase({ where });
      if (clean) world.provedClean(since, holds);
      return {};
    },
  };
}

function overwriting(world: OperationsWorld, name: string): Plan {
  const part = pick(world, PARTS);
  const rows = newRows(world, name).map((row) => ({ ...row, part }));
  return {
    verb: 'overwrite',
    change: (before) => [...before.filter((row) => row.part !== part), ...rows],
    run: (table) =>
      table.overwrite({ rows: rows.map(asRow) }, { replaceWhere: `part = '${part}'` }),
    // Tables with a change data feed cannot be overwritten in part.
    refusals: ['FEATURE_UNSUPPORTED'],
  };
}

function newRows(world: OperationsWorld, name: string): Rows {
  const length = 1 + Math.floor(world.random.float() * 3);
  return Array.from({ length }, (_, index) => rowOf(world, `${name} ${index}`));
}

function rowOf({ random }: OperationsWorld, id: string): SimRow {
  return {
    id,
    part: random.float() < 0.5 ? 'a' : 'b',
    n: Math.floor(random.float() * NUMBERS),
  };
}

function asRow({ id, part, n }: SimRow): { readonly [column: string]: string | number } {
  return { id, part, n };
}

function pick<T>({ random }: OperationsWorld, from: readonly T[]): T {
  const found = from[Math.floor(random.float() * from.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}
