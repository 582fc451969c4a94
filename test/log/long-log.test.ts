/** A log with many files is what its commits say, whether they come as bytes or as actions, and goes on from there. */

import { isDeepStrictEqual } from 'node:util';

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  type Action,
  type AddFile,
  type LogState,
  parseCommit,
  pathKey,
  printCommit,
  Replay,
  vectorId,
} from '../../src/log/index.ts';
import { add, FIRST } from './actions.ts';

const MANY = 4_200;
const FEW: readonly Action[] = Array.from({ length: MANY }, (_, index) =>
  add(`old-${index}`, {
    size: index,
    stats: `{"numRecords":${index}}`,
    partitionValues: { p: 'x' },
  }),
);
const FEW_BYTES = printCommit(FEW);

const vector = fc
  .constantFrom('a', 'b')
  .map((id) => ({ storageType: 'u', pathOrInlineDv: id, sizeInBytes: 1, cardinality: 1 }) as const);
const path = fc.oneof(
  fc.constantFrom('a', 'b', 'c%20d', 'c d', 's3a://x/y', 's3://x/y', 'é:', '\ud800', '\ud801', '%'),
  fc.nat(MANY - 1).map((index) => `old-${index}`),
);
const added = fc
  .record(
    {
      size: fc.nat(99),
      stats: fc.constantFrom('{"numRecords":7}', 'é"\\', ''),
      partitionValues: fc.constantFrom({}, { p: 'x' }, { p: null }, { p: 'é"' }),
      dataChange: fc.boolean(),
      deletionVector: vector,
      baseRowId: fc.constantFrom(1, 9_223_372_036_854_775_807n),
    },
    { requiredKeys: [] },
  )
  .chain((members) => path.map((it) => add(it, members)));
const removed = fc
  .tuple(path, fc.option(vector, { nil: undefined }))
  .map(([it, deletionVector]): Action => ({
    kind: 'remove',
    remove: { path: it, dataChange: true, ...(deletionVector && { deletionVector }) },
  }));
const commits = fc.array(fc.array(fc.oneof(added, removed), { minLength: 1, maxLength: 6 }), {
  maxLength: 6,
});

/** What the commits leave, by the plainest means. */
function modelOf(all: readonly (readonly Action[])[]): Map<string, AddFile> {
  const live = new Map<string, AddFile>();
  for (const action of all.flat()) {
    if (action.kind === 'add') live.set(pathKey(action.add.path), action.add);
    if (action.kind !== 'remove') continue;
    const key = pathKey(action.remove.path);
    const file = live.get(key);
    if (vectorId(file?.deletionVector) === vectorId(action.remove.deletionVector)) live.delete(key);
  }
  return live;
}

function expectState(state: LogState, live: ReadonlyMap<string, AddFile>): void {
  const files = new Map(Array.from(state.files.values(), (it) => [pathKey(it.path), it] as const));
  // `toEqual` tells more, and takes a hundred times as long.
  if (!isDeepStrictEqual(files, live)) expect(files).toEqual(live);
  expect(state.files.size).toBe(live.size);
  expect(state.files.sizeBytes).toBe([...live.values()].reduce((sum, { size }) => sum + size, 0));
  for (const key of ['a', 'c d', 'old-7', '\ud800']) {
    expect(state.files.get(key)).toEqual(live.get(key) ?? null);
  }
}

test('replay of bytes is replay of actions is what a plain map says, and so are the commits after it', () => {
  fc.assert(
    fc.property(commits, commits, (before, after) => {
      const byBytes = new Replay(null);
      const byActions = new Replay(null);
      const all = [FIRST, FEW, ...before];
      for (const actions of all) {
        const bytes = actions === FEW ? FEW_BYTES : printCommit(actions);
        byBytes.commitBytes(bytes, 'commit');
        byActions.commit(actions === FEW ? FEW : parseCommit(bytes, 'commit'));
      }
      const state = byBytes.finish(all.length);
      expectState(state, modelOf(all));
      expect([...state.tombstones.values()]).toEqual([
        ...byActions.finish(all.length).tombstones.values(),
      ]);
      const next = new Replay(state);
      for (const actions of after) next.commitBytes(printCommit(actions), 'commit');
      expectState(next.finish(all.length + after.length), modelOf([...all, ...after]));
      expectState(state, modelOf(all));
    }),
    { numRuns: 15 },
  );
});
