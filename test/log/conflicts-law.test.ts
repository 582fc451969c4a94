/**
 * The law behind the conflict rules, on a small model of a table: what the checker lets through is what the transactions
 * would have left had they run one after another.
 */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { unreachable } from '../../src/base/index.ts';
import {
  type Action,
  type AddFile,
  type DeletionVectorDescriptor,
  findConflict,
  type IsolationLevel,
  type LogState,
  type ReadScope,
  Replay,
  type WinnerCommit,
} from '../../src/log/index.ts';
import { FIRST } from './actions.ts';

/** Rows are numbers; a file holds some of one partition, and its statistics say from where to where. */
interface Row {
  readonly partition: number;
  readonly value: number;
}

interface Condition {
  /** Null selects all. */
  readonly partition: number | null;
  readonly from: number;
  readonly to: number;
}

type Work =
  | { readonly kind: 'append'; readonly rows: readonly Row[] }
  /** Adds one to the values of rows, by writing their files again. */
  | { readonly kind: 'update'; readonly where: Condition }
  /** Marks rows in deletion vectors. */
  | { readonly kind: 'delete'; readonly where: Condition }
  | { readonly kind: 'compact'; readonly partition: number }
  /** Appends the count of all rows, which reads the whole table. */
  | { readonly kind: 'count' }
  /** Appends the count of some rows, which takes no file away. */
  | { readonly kind: 'countSome'; readonly where: Condition };

interface Transaction {
  readonly actions: readonly Action[];
  readonly reads: ReadScope;
}

/** What is in a file of the model stands in its tags, without the rows that its deletion vector hides. */
function rowsOf(file: AddFile): readonly Row[] {
  const rows = JSON.parse(file.tags?.['rows'] ?? '[]') as readonly Row[];
  const hidden = new Set((file.deletionVector?.pathOrInlineDv ?? '').split(','));
  return rows.filter((_, index) => !hidden.has(String(index)));
}

function isSelected(where: Condition, { partition, value }: Row): boolean {
  if (where.partition !== null && where.partition !== partition) return false;
  return value >= where.from && value <= where.to;
}

function fileOf(path: string, rows: readonly Row[], dataChange = true): AddFile {
  const values = rows.map(({ value }) => value);
  return {
    path,
    partitionValues: { p: String(rows[0]?.partition ?? 0) },
    size: 1,
    modificationTime: 0,
    dataChange,
    stats: JSON.stringify({ min: Math.min(...values), max: Math.max(...values) }),
    tags: { rows: JSON.stringify(rows) },
  };
}

/** As statistics and partition values tell it, which may be more than there is. */
function mayHold(where: Condition, { partitionValues, stats = '' }: AddFile): boolean {
  const { min, max } = JSON.parse(stats) as { min: number; max: number };
  const isThere = where.partition === null || String(where.partition) === partitionValues['p'];
  return isThere && min <= where.to && max >= where.from;
}

const removal = ({ path, deletionVector }: AddFile, dataChange: boolean): Action => ({
  kind: 'remove',
  remove: { path, dataChange, ...(deletionVector === undefined ? {} : { deletionVector }) },
});
const addition = (file: AddFile): Action => ({ kind: 'add', add: file });

/** Runs `work` on a table; `name` keeps the paths of transactions apart. */
function run(work: Work, state: LogState, name: string): Transaction {
  const files = [...state.files.values()];
  switch (work.kind) {
    case 'append':
      return { actions: appended(work.rows, name), reads: { kind: 'nothing' } };
    case 'count': {
      const value = files.reduce((count, file) => count + rowsOf(file).length, 0);
      const counted = fileOf(`${name}-count`, [{ partition: 0, value }]);
      return { actions: [addition(counted)], reads: { kind: 'table' } };
    }
    case 'compact':
      return compacted(files, work.partition, name);
    case 'countSome': {
      const read = files.filter((file) => mayHold(work.where, file));
      const rows = read.flatMap(rowsOf).filter((row) => isSelected(work.where, row));
      const counted = fileOf(`${name}-count`, [{ partition: 0, value: rows.length }]);
      return { actions: [addition(counted)], reads: readOf(read, work.where) };
    }
    case 'update':
    case 'delete':
      return changed(files, work, name);
    default:
      return unreachable(work);
  }
}

function appended(rows: readonly Row[], name: string): readonly Action[] {
  return [0, 1].flatMap((partition) => {
    const some = rows.filter((row) => row.partition === partition);
    return some.length === 0 ? [] : [addition(fileOf(`${name}-${partition}`, some))];
  });
}

function compacted(files: readonly AddFile[], partition: number, name: string): Transaction {
  const small = files.filter((file) => file.partitionValues['p'] === String(partition));
  const rows = small.flatMap(rowsOf);
  return {
    actions: [
      ...small.map((file) => removal(file, false)),
      ...(rows.length === 0 ? [] : [addition(fileOf(`${name}-packed`, rows, false))]),
    ],
    reads: { kind: 'rows', paths: new Set(small.map(({ path }) => path)), mayHold: () => true },
  };
}

function changed(
  files: readonly AddFile[],
  { kind, where }: Extract<Work, { where: Condition }>,
  name: string,
): Transaction {
  const read = files.filter((file) => mayHold(where, file));
  const touched = read.filter((file) => rowsOf(file).some((row) => isSelected(where, row)));
  const actions = touched.flatMap((file, index): Action[] => {
    if (kind === 'delete') {
      const left = withHidden(file, where);
      return [removal(file, true), ...(rowsOf(left).length === 0 ? [] : [addition(left)])];
    }
    const rows = rowsOf(file).map((row) =>
      isSelected(where, row) ? { ...row, value: row.value + 1 } : row,
    );
    return [removal(file, true), addition(fileOf(`${name}-${index}`, rows))];
  });
  return { actions, reads: readOf(read, where) };
}

function readOf(files: readonly AddFile[], where: Condition): ReadScope {
  const paths = new Set(files.map(({ path }) => path));
  return { kind: 'rows', paths, mayHold: (file) => mayHold(where, file) };
}

function withHidden(file: AddFile, where: Condition): AddFile {
  const rows = JSON.parse(file.tags?.['rows'] ?? '[]') as readonly Row[];
  const before = file.deletionVector?.pathOrInlineDv.split(',') ?? [];
  const hidden = rows.flatMap((row, index) => (isSelected(where, row) ? [String(index)] : []));
  const all = [...new Set([...before, ...hidden])].sort();
  const deletionVector: DeletionVectorDescriptor = {
    storageType: 'i',
    pathOrInlineDv: all.join(','),
    sizeInBytes: 1,
    cardinality: all.length,
  };
  return { ...file, deletionVector, dataChange: true };
}

function after(state: LogState | null, ...commits: readonly (readonly Action[])[]): LogState {
  const replay = new Replay(state);
  for (const actions of commits) replay.commit(actions);
  return replay.finish((state?.version ?? -1) + commits.length);
}

function contentOf(state: LogState): readonly string[] {
  return [...state.files.values()]
    .flatMap(rowsOf)
    .map((row) => JSON.stringify(row))
    .sort();
}

function winnerOf(version: number, { actions, reads }: Transaction): WinnerCommit {
  const info: Action = {
    kind: 'commitInfo',
    commitInfo: { operation: 'X', isBlindAppend: reads.kind === 'nothing' },
  };
  return { version, actions: [info, ...actions] };
}

function isLetThrough(
  base: LogState,
  mine: Transaction,
  winners: readonly Transaction[],
  isolation: IsolationLevel = 'Serializable',
): boolean {
  const commits = winners.map((winner, index) => winnerOf(index + 2, winner));
  return findConflict({ ...mine, readAppIds: new Set(), isolation, base }, commits) === null;
}

const row = fc.record({ partition: fc.nat(1), value: fc.nat(9) });
const condition = fc.record({
  partition: fc.option(fc.nat(1)),
  from: fc.nat(9),
  to: fc.nat(9),
});
const work: fc.Arbitrary<Work> = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    rows: fc.array(row, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('update' as const), where: condition }),
  fc.record({ kind: fc.constant('delete' as const), where: condition }),
  fc.record({ kind: fc.constant('compact' as const), partition: fc.nat(1) }),
  fc.record({ kind: fc.constant('count' as const) }),
  fc.record({ kind: fc.constant('countSome' as const), where: condition }),
);
const appends = fc.array(fc.array(row, { minLength: 1, maxLength: 4 }), { maxLength: 4 });

function baseOf(batches: readonly (readonly Row[])[]): LogState {
  const files = batches.flatMap((rows, index) => appended(rows, `base${index}`));
  return after(null, FIRST, files);
}

describe('a transaction that is let through', () => {
  test('leaves what it would have left had it begun after the winners', () => {
    let through = 0;
    fc.assert(
      fc.property(
        appends,
        fc.array(work, { minLength: 1, maxLength: 3 }),
        work,
        (rows, won, lost) => {
          const base = baseOf(rows);
          const winners: Transaction[] = [];
          let latest = base;
          for (const [index, each] of won.entries()) {
            const winner = run(each, latest, `won${index}`);
            winners.push(winner);
            latest = after(latest, winner.actions);
          }
          const mine = run(lost, base, 'mine');
          if (!isLetThrough(base, mine, winners)) return;
          through += 1;
          const again = run(lost, latest, 'mine');
          expect(contentOf(after(latest, mine.actions))).toEqual(
            contentOf(after(latest, again.actions)),
          );
        },
      ),
      { numRuns: 3_000 },
    );
    // A checker that lets nothing through keeps the law too.
    expect(through).toBeGreaterThan(500);
  });

  test('under WriteSerializable leaves what some order of the two would have left', () => {
    let through = 0;
    fc.assert(
      fc.property(appends, work, work, (rows, won, lost) => {
        const base = baseOf(rows);
        const winner = run(won, base, 'won');
        const mine = run(lost, base, 'mine');
        if (!isLetThrough(base, mine, [winner], 'WriteSerializable')) return;
        through += 1;
        const latest = after(base, winner.actions);
        const content = contentOf(after(latest, mine.actions));
        const winnerFirst = contentOf(after(latest, run(lost, latest, 'mine').actions));
        const before = after(base, mine.actions);
        const mineFirst = contentOf(after(before, run(won, before, 'won').actions));
        expect([winnerFirst, mineFirst]).toContainEqual(content);
      }),
      { numRuns: 3_000 },
    );
    expect(through).toBeGreaterThan(500);
  });

  test('is never stopped for appends where it appends, nor for rows that it certainly did not read', () => {
    fc.assert(
      fc.property(appends, row, condition, (rows, one, where) => {
        const base = baseOf(rows);
        const append = run({ kind: 'append', rows: [one] }, base, 'won');
        const other = run({ kind: 'append', rows: [one] }, base, 'mine');
        expect(isLetThrough(base, other, [append])).toBe(true);
        const update = run({ kind: 'update', where }, base, 'mine');
        expect(isLetThrough(base, update, [append])).toBe(!isSelected(where, one));
      }),
    );
  });
});
