/** MERGE, DELETE and UPDATE of 10 M rows by the command, against delta-rs, which always writes files again as a whole. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What the benchmarks share, from `bench.ts`. */
export interface Bench {
  readonly inputs: string;
  /** A place for a table of a run. */
  readonly table: (name: string) => string;
  readonly clone: (from: string, to: string) => void;
  readonly wipe: (...paths: string[]) => void;
  readonly cli: readonly string[];
  readonly peer: (...words: string[]) => string[];
  /** Runs a script of the benchmarks in Python; returns what it prints. */
  readonly script: (name: string, ...words: string[]) => string;
  readonly run: (command: readonly string[]) => string;
  readonly compare: (label: string, sides: readonly Side[]) => void;
}

interface Side {
  readonly name: string;
  readonly prepare: () => void;
  readonly command: readonly string[];
}

/** Some rows of every file; their ids are 0 to 10 M, a file has 250 k of them in order, and ten row groups or one. */
const ONE_PERCENT = 'id % 100 = 7';
const TEN_PERCENT = 'id % 10 = 3';
const ONE_ROW_GROUP = 'id % 250000 >= 100000 AND id % 250000 < 100100';
const COLUMN = ['saldo', 'saldo + 1'] as const;

export function rewriteBenchmarks(bench: Bench): Readonly<Record<string, () => void>> {
  const { inputs } = bench;
  const plain = (): string => join(inputs, 'target_M');
  const grouped = (): string => ensureGrouped(bench);
  const vectors = (): string => ensureVectors(bench);
  const mergeOf = (label: string, shape: string, target: () => string): void => {
    const source = join(inputs, `merge/M_${shape}_100000.parquet`);
    versus(bench, label, {
      target: target(),
      ours: ['merge', '--using', source, '--on', 't.id = s.id'],
      theirs: ['merge', source],
    });
  };
  const deleteOf = (label: string, where: string, target: () => string): void =>
    versus(bench, label, {
      target: target(),
      ours: ['delete', '--where', where],
      theirs: ['delete', where],
    });
  const updateOf = (label: string, where: string, target: () => string): void =>
    versus(bench, label, {
      target: target(),
      ours: ['update', '--set', COLUMN.join(' = '), '--where', where],
      theirs: ['update', where, ...COLUMN],
    });
  return {
    'merge-vectors': () => mergeOf('merge 100 k, by vectors', 'uniform', vectors),
    'merge-narrow': () => mergeOf('merge 100 k, 2 of 40 files', 'clustered', plain),
    delete: () => deleteOf('delete 1 %', ONE_PERCENT, plain),
    'delete-vectors': () => deleteOf('delete 1 %, by vectors', ONE_PERCENT, vectors),
    update: () => updateOf('update a column of 10 %', TEN_PERCENT, plain),
    'row-group': () => {
      deleteOf('delete in 1 of 10 row groups', ONE_ROW_GROUP, grouped);
      updateOf('update in 1 of 10 row groups', ONE_ROW_GROUP, grouped);
    },
  };
}

interface Versus {
  readonly target: string;
  /** What the sides are told to do with their copies. */
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

/** Both on copies of the table, the peer on one without vectors, which it does not write; then the rows are compared. */
function versus(bench: Bench, label: string, { target, ...told }: Versus): void {
  const { table, clone, compare } = bench;
  const [ours, theirs] = [table('rewrite'), table('rewrite-peer')];
  const base = target.replace(/_vectors$/, '');
  compare(label, [
    {
      name: 'deltawright',
      prepare: () => clone(target, ours),
      command: [...bench.cli, ...told.ours, ours],
    },
    {
      name: 'delta-rs',
      prepare: () => clone(base, theirs),
      command: bench.peer(...told.theirs, theirs),
    },
  ]);
  console.log(bench.script('same_rows', ours, theirs));
  bench.wipe(ours, theirs);
}

/** The table in files of ten row groups. */
function ensureGrouped({ inputs, script }: Bench): string {
  const target = join(inputs, 'target_M_groups');
  if (!existsSync(target)) {
    script('gen_groups', join(inputs, 'M'), join(inputs, 'M_groups'));
    script('make_target', join(inputs, 'M_groups'), target);
  }
  return target;
}

/** The table with deletion vectors turned on. */
function ensureVectors({ inputs, clone, cli, run }: Bench): string {
  const target = join(inputs, 'target_M_vectors');
  if (!existsSync(target)) {
    clone(join(inputs, 'target_M'), target);
    run([...cli, 'alter', target, '--set', 'delta.enableDeletionVectors=true']);
  }
  return target;
}
