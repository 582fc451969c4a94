/** Files in columns are the files that a plain list of objects would hold, whatever came before and after the checkpoint. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type Action,
  type AddFile,
  pathKey,
  type RemoveFile,
  vectorId,
} from '../../src/log/index.ts';
import { moveToCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { appendSpec, commit, memoryContext, newTable, onDisk } from './context.ts';

const DAYS = ['2024-01-01', '2024-01-02', null];

/** Spellings of one file. */
function spelled(number: number, spelling: number): string {
  const name = `dia=á ${number % 3}/part-${number}.parquet`;
  return spelling === 0
    ? encodeURI(name)
    : spelling === 1
      ? encodeURIComponent(name)
      : `file:///t/${number}`;
}

const vector = fc.option(
  fc.nat(2).map((id) => ({
    storageType: 'u',
    pathOrInlineDv: `v${id}`,
    offset: id,
    sizeInBytes: 4,
    cardinality: id + 1,
  })),
  { nil: undefined },
);

const change = fc.record({
  kind: fc.constantFrom('add', 'add', 'remove'),
  number: fc.nat(12),
  spelling: fc.nat(2),
  day: fc.constantFrom(...DAYS),
  vector,
  stats: fc.option(fc.constantFrom('{"numRecords":1}', '{"numRecords":9007199254740993}'), {
    nil: undefined,
  }),
  tags: fc.option(fc.constantFrom({ a: '1', b: 'ü' }, { a: '2' }), { nil: undefined }),
  baseRowId: fc.option(fc.nat(1_000), { nil: undefined }),
});

/** Commits, and before which of them a checkpoint is written and the table opened anew. */
const histories = fc.array(
  fc.record({
    changes: fc.array(change, { minLength: 1, maxLength: 6 }),
    checkpointed: fc.boolean(),
    reopened: fc.boolean(),
  }),
  { maxLength: 8 },
);

const OTHER = {
  kind: 'add',
  spelling: 0,
  day: null,
  vector: undefined,
  stats: '{"numRecords":1}',
  tags: undefined,
  baseRowId: undefined,
} as const;

type Generated<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Change = Generated<typeof change>;

function actionOf(it: Change): Action {
  const path = spelled(it.number, it.spelling);
  const deletionVector = it.vector === undefined ? {} : { deletionVector: it.vector };
  if (it.kind === 'remove') {
    return {
      kind: 'remove',
      remove: { path, deletionTimestamp: 1e12, dataChange: true, ...deletionVector },
    };
  }
  return {
    kind: 'add',
    add: {
      path,
      partitionValues: { dia: it.day },
      size: it.number + 1,
      modificationTime: it.number,
      dataChange: true,
      ...deletionVector,
      ...(it.stats === undefined ? {} : { stats: it.stats }),
      ...(it.tags === undefined ? {} : { tags: it.tags }),
      ...(it.baseRowId === undefined ? {} : { baseRowId: it.baseRowId }),
    },
  };
}

/** Each file once: a commit may not speak of one twice. */
function actionsOf(changes: readonly Change[]): readonly Action[] {
  const seen = new Set<string>();
  return changes.map(actionOf).filter((action) => {
    const file = fileOf(action);
    const key = file === null ? '' : pathKey(file.path);
    return !seen.has(key) && seen.add(key);
  });
}

function fileOf(action: Action): AddFile | RemoveFile | null {
  if (action.kind === 'add') return action.add;
  return action.kind === 'remove' ? action.remove : null;
}

/** The plain model. */
function apply(live: Map<string, AddFile>, actions: readonly Action[]): void {
  for (const action of actions) {
    const file = fileOf(action);
    if (file === null) continue;
    const key = pathKey(file.path);
    if (action.kind === 'add') live.set(key, action.add);
    else if (vectorId(live.get(key)?.deletionVector) === vectorId(file.deletionVector))
      live.delete(key);
  }
}

function sorted(files: Iterable<AddFile>): readonly AddFile[] {
  return [...files]
    .map((file) => ({ ...file, dataChange: true }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function expectLike(snapshot: Snapshot, live: ReadonlyMap<string, AddFile>): void {
  const files = sorted(live.values());
  expect(sorted(snapshot.files())).toEqual(files);
  for (const day of DAYS) {
    const own = files.filter(({ partitionValues }) => partitionValues['dia'] === day);
    const partition = (values: AddFile['partitionValues']): boolean => values['dia'] === day;
    expect(sorted(snapshot.files({ partition }))).toEqual(own);
    const bare = [...snapshot.files({ partition, statistics: false })];
    expect(bare.map(({ path }) => path).sort()).toEqual(own.map(({ path }) => path));
  }
  // Only now, since it makes all that commits changed be looked up.
  expect(snapshot.fileCount).toBe(live.size);
  expect(snapshot.sizeBytes).toBe(files.reduce((sum, { size }) => sum + size, 0));
  for (const { path } of files) {
    expect(snapshot.file(path)).toEqual({
      ...live.get(pathKey(path)),
      dataChange: expect.any(Boolean),
    });
  }
  expect(snapshot.file('not there')).toBeNull();
}

/** A table that has so many other files from the beginning. */
async function holds(
  ctx: TableContext,
  history: Generated<typeof histories>,
  otherCount: number,
): Promise<void> {
  let snapshot: Snapshot = await newTable(ctx, {
    properties: { 'delta.checkpointInterval': '1000' },
  });
  const live = new Map<string, AddFile>();
  const others = Array.from({ length: otherCount }, (_, index) =>
    actionOf({ ...OTHER, number: 100 + index }),
  );
  if (others.length > 0) {
    ({ snapshot } = await commit(ctx, snapshot, { ...appendSpec(), actions: others }));
    apply(live, others);
  }
  for (const { changes, checkpointed, reopened } of history) {
    if (checkpointed) snapshot = await moveToCheckpoint(ctx, snapshot);
    if (reopened) snapshot = await openSnapshot(ctx);
    const actions = actionsOf(changes);
    const before = snapshot;
    ({ snapshot } = await commit(ctx, snapshot, { ...appendSpec(), actions }));
    apply(live, actions);
    expectLike(snapshot, live);
    expectLike(await refreshSnapshot(ctx, before), live);
    expectLike(await openSnapshot(ctx), live);
  }
}

describe('the files of a table', () => {
  test('are those of a plain model, after any history with checkpoints in it', async () => {
    await fc.assert(
      fc.asyncProperty(histories, (history) => holds(memoryContext(), history, 0)),
      { numRuns: 40 },
    );
  });

  test('are so too where the checkpoint stays a file on the disk', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.constantFrom(0, 300), (history, otherCount) =>
        onDisk((ctx) => holds(ctx, history, otherCount)),
      ),
      { numRuns: 10 },
    );
  });
});
