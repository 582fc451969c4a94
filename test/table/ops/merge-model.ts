/** MERGE as its definition says, row by row in memory, beside the SQL that means the same. */

import * as fc from 'fast-check';

import type { MergeSpec } from '../../../src/table/ops/merge-types.ts';

export interface ModelRow {
  readonly id: bigint | null;
  readonly p: string | null;
  readonly n: number | null;
}

type Test<A extends readonly ModelRow[]> = (...rows: A) => boolean;

interface ModelCondition<A extends readonly ModelRow[]> {
  readonly sql: string | null;
  readonly isTrue: Test<A>;
}

interface ModelAction<A extends readonly ModelRow[]> {
  readonly spec: { readonly update: '*' | Record<string, string> } | { readonly delete: true };
  /** Null: the row goes. */
  readonly apply: (...rows: A) => ModelRow | null;
}

interface ModelClause<A extends readonly ModelRow[]> {
  readonly condition: ModelCondition<A>;
  readonly action: ModelAction<A>;
}

type Pair = readonly [ModelRow, ModelRow];
type One = readonly [ModelRow];

export interface ModelMerge {
  readonly on: ModelCondition<Pair>;
  readonly matched: readonly ModelClause<Pair>[];
  readonly bySource: readonly ModelClause<One>[];
  readonly inserted: readonly {
    readonly condition: ModelCondition<One>;
    readonly values: '*' | 'id';
  }[];
}

export type ModelOutcome =
  { readonly kind: 'rows'; readonly rows: readonly ModelRow[] } | { readonly kind: 'ambiguous' };

export function modelMerge(
  target: readonly ModelRow[],
  source: readonly ModelRow[],
  { on, matched, bySource, inserted }: ModelMerge,
): ModelOutcome {
  const met = new Set<ModelRow>();
  const rows: ModelRow[] = [];
  const [first] = matched;
  const mayRepeat =
    matched.length === 1 && first?.condition.sql === null && 'delete' in first.action.spec;
  for (const row of target) {
    const matches = source.filter((other) => on.isTrue(row, other));
    for (const other of matches) met.add(other);
    if (matches.length === 0) {
      const taken = bySource.find(({ condition }) => condition.isTrue(row));
      rows.push(...kept(taken === undefined ? row : taken.action.apply(row)));
      continue;
    }
    const results = matches.flatMap((other) => {
      const taken = matched.find(({ condition }) => condition.isTrue(row, other));
      return taken === undefined ? [] : [taken.action.apply(row, other)];
    });
    if (results.length > 1 && !mayRepeat) return { kind: 'ambiguous' };
    rows.push(...kept(results.length === 0 ? row : (results[0] ?? null)));
  }
  for (const row of source) {
    const taken = inserted.find(({ condition }) => condition.isTrue(row));
    if (met.has(row) || taken === undefined) continue;
    rows.push(taken.values === '*' ? row : { id: row.id, p: null, n: null });
  }
  return { kind: 'rows', rows };
}

export function specOf(
  merge: ModelMerge,
): Pick<MergeSpec, 'on' | 'whenMatched' | 'whenNotMatched' | 'whenNotMatchedBySource'> {
  const when = ({ sql }: { readonly sql: string | null }) =>
    sql === null ? {} : { condition: sql };
  return {
    on: merge.on.sql ?? 'true',
    whenMatched: merge.matched.map(({ condition, action }) => ({
      ...when(condition),
      ...action.spec,
    })),
    whenNotMatchedBySource: merge.bySource.map(({ condition, action }) => {
      const { spec } = action;
      if ('delete' in spec) return { ...when(condition), ...spec };
      return { ...when(condition), update: spec.update === '*' ? {} : spec.update };
    }),
    whenNotMatched: merge.inserted.map(({ condition, values }) => ({
      ...when(condition),
      insert: values === '*' ? ('*' as const) : { id: 's.id' },
    })),
  };
}

/** The same as one statement of Spark's. */
export function sqlOf(merge: ModelMerge, { table, source }: Record<'table' | 'source', string>) {
  const when = (kind: string, { sql }: { readonly sql: string | null }): string =>
    `WHEN ${kind}${sql === null ? '' : ` AND ${sql}`} THEN `;
  const change = ({ spec }: { readonly spec: ModelAction<Pair>['spec'] }): string => {
    if ('delete' in spec) return 'DELETE';
    if (spec.update === '*') return 'UPDATE SET *';
    const sets = Object.entries(spec.update).map(([name, sql]) => `${name} = ${sql}`);
    return `UPDATE SET ${sets.join(', ')}`;
  };
  return [
    `MERGE INTO ${table} t USING ${source} s ON ${merge.on.sql ?? 'true'}`,
    ...merge.matched.map((it) => when('MATCHED', it.condition) + change(it.action)),
    ...merge.inserted.map(
      (it) =>
        when('NOT MATCHED', it.condition) +
        (it.values === '*' ? 'INSERT *' : 'INSERT (id) VALUES (s.id)'),
    ),
    ...merge.bySource.map((it) => when('NOT MATCHED BY SOURCE', it.condition) + change(it.action)),
  ].join(' ');
}

function kept(row: ModelRow | null): readonly ModelRow[] {
  return row === null ? [] : [row];
}

const isEqual = (left: bigint | string | null, right: bigint | string | null): boolean =>
  left !== null && left === right;
const over = (left: number | null, right: number | null): boolean =>
  left !== null && right !== null && left > right;
const plus = (left: number | null, right: number | null): number | null =>
  left === null || right === null ? null : left + right;

const ON: readonly ModelCondition<Pair>[] = [
  { sql: 't.id = s.id', isTrue: (t, s) => isEqual(t.id, s.id) },
  {
    sql: 's.id = t.id AND t.p = s.p',
    isTrue: (t, s) => isEqual(t.id, s.id) && isEqual(t.p, s.p),
  },
  { sql: 't.id <=> s.id', isTrue: (t, s) => t.id === s.id },
  {
    sql: "t.id = s.id AND t.p = 'a b'",
    isTrue: (t, s) => isEqual(t.id, s.id) && t.p === 'a b',
  },
  {
    sql: 't.id = s.id AND s.n > t.n',
    isTrue: (t, s) => isEqual(t.id, s.id) && over(s.n, t.n),
  },
  { sql: 'false', isTrue: () => false },
];

const PAIR_CONDITIONS: readonly ModelCondition<Pair>[] = [
  { sql: 's.n > 4', isTrue: (_, s) => over(s.n, 4) },
  { sql: 's.n > t.n', isTrue: (t, s) => over(s.n, t.n) },
  { sql: 't.p IS NULL', isTrue: (t) => t.p === null },
  { sql: "s.p = 'x/y=é'", isTrue: (_, s) => s.p === 'x/y=é' },
];

const PAIR_ACTIONS: readonly ModelAction<Pair>[] = [
  { spec: { update: '*' }, apply: (_, s) => s },
  { spec: { delete: true }, apply: () => null },
  { spec: { update: { n: 't.n + s.n' } }, apply: (t, s) => ({ ...t, n: plus(t.n, s.n) }) },
  {
    spec: { update: { 't.p': 's.p', n: 'NULL' } },
    apply: (t, s) => ({ ...t, p: s.p, n: null }),
  },
];

const OWN_CONDITIONS: readonly ModelCondition<One>[] = [
  { sql: 't.n > 5', isTrue: (t) => over(t.n, 5) },
  { sql: "t.p = 'a b'", isTrue: (t) => t.p === 'a b' },
  { sql: 't.id IS NULL OR t.id > 9', isTrue: ({ id }) => id === null || id > 9n },
];

const OWN_ACTIONS: readonly ModelAction<One>[] = [
  { spec: { delete: true }, apply: () => null },
  { spec: { update: { n: 't.n + 1' } }, apply: (t) => ({ ...t, n: plus(t.n, 1) }) },
  { spec: { update: { p: "'a b'" } }, apply: (t) => ({ ...t, p: 'a b' }) },
];

const SOURCE_CONDITIONS: readonly ModelCondition<One>[] = [
  { sql: 's.n > 2', isTrue: (s) => over(s.n, 2) },
  { sql: "s.p = 'a b'", isTrue: (s) => s.p === 'a b' },
];

const ALWAYS = { sql: null, isTrue: () => true };

/** Up to two clauses with a condition, and at times one without behind them. */
function clauses<A extends readonly ModelRow[], T>(
  conditions: readonly ModelCondition<A>[],
  rest: fc.Arbitrary<T>,
): fc.Arbitrary<readonly (T & { readonly condition: ModelCondition<A> })[]> {
  const withCondition = fc
    .tuple(fc.constantFrom(...conditions), rest)
    .map(([condition, other]) => ({ ...other, condition }));
  const without = rest.map((other) => ({ ...other, condition: ALWAYS }));
  return fc
    .tuple(fc.array(withCondition, { maxLength: 2 }), fc.option(without))
    .map(([some, last]) => (last === null ? some : [...some, last]));
}

export const modelMerges: fc.Arbitrary<ModelMerge> = fc
  .record({
    on: fc.constantFrom(...ON),
    matched: clauses(
      PAIR_CONDITIONS,
      fc.constantFrom(...PAIR_ACTIONS).map((action) => ({ action })),
    ),
    bySource: clauses(
      OWN_CONDITIONS,
      fc.constantFrom(...OWN_ACTIONS).map((action) => ({ action })),
    ),
    inserted: clauses(
      SOURCE_CONDITIONS,
      fc.constantFrom<'*' | 'id'>('*', 'id').map((values) => ({ values })),
    ),
  })
  .filter(
    ({ matched, bySource, inserted }) => matched.length + bySource.length + inserted.length > 0,
  );

/** Keys repeat, and are null at times; partition values have what paths must escape. */
export function modelRows(maxLength: number): fc.Arbitrary<readonly ModelRow[]> {
  return fc.array(
    fc.record({
      id: fc.option(fc.bigInt(0n, 14n), { freq: 8 }),
      p: fc.constantFrom('a b', 'x/y=é', '', null).map((p) => (p === '' ? null : p)),
      n: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 6 }),
    }),
    { maxLength },
  );
}
