import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Action, compactActions, isReconciled, Replay } from '../../src/log/index.ts';
import { add, FIRST, remove, txn } from './actions.ts';

const VECTOR = { storageType: 'u', pathOrInlineDv: 'x', sizeInBytes: 3, cardinality: 2 };

function replayed(...commits: readonly (readonly Action[])[]): unknown {
  const replay = new Replay(null);
  replay.commit(FIRST);
  for (const actions of commits) replay.commit(actions);
  const state = replay.finish(9);
  const sorted = (values: Iterable<object>): readonly string[] =>
    Array.from(values, (value) => JSON.stringify(value)).sort();
  return {
    files: sorted(state.files.values()),
    tombstones: sorted(state.tombstones.values()),
    txns: sorted(state.txns.values()),
    domains: sorted(state.domains.values()),
    sizeBytes: state.files.sizeBytes,
  };
}

const path = fc.constantFrom('a', 'b', 'c');
const action: fc.Arbitrary<Action> = fc.oneof(
  path.map((it) => add(it)),
  path.map((it) => add(it, { deletionVector: VECTOR })),
  fc.tuple(path, fc.nat(3)).map(([it, time]) => remove(it, time)),
  fc.nat(9).map((version) => txn('app', version)),
  fc.boolean().map((removed): Action => ({
    kind: 'domainMetadata',
    domainMetadata: { domain: 'd', configuration: '{}', removed },
  })),
);

/** PROTOCOL.md, "Deletion Vectors": another vector comes with the removal of the file as it was, which a compaction needs. */
function changesVectorsRightly(actions: readonly Action[]): boolean {
  const live = new Map<string, boolean>();
  return actions.every((it) => {
    if (it.kind === 'remove' && live.get(it.remove.path) === false) live.delete(it.remove.path);
    if (it.kind !== 'add') return true;
    const hasVector = it.add.deletionVector !== undefined;
    const before = live.get(it.add.path);
    live.set(it.add.path, hasVector);
    return before === undefined || before === hasVector;
  });
}

test('replay through a compaction is replay through its commits', () => {
  const commits = fc.array(fc.array(action, { maxLength: 1 }), { maxLength: 8 });
  fc.assert(
    fc.property(commits, commits, (before, compacted) => {
      fc.pre(changesVectorsRightly([...before, ...compacted].flat()));
      const actions = compactActions(compacted);
      expect(isReconciled(actions)).toBe(true);
      const { files, txns, domains, sizeBytes } = replayed(...before, actions) as Record<
        string,
        unknown
      >;
      expect(replayed(...before, ...compacted)).toMatchObject({ files, txns, domains, sizeBytes });
    }),
  );
});

test('leaves out who committed, and keeps what was removed', () => {
  expect(
    compactActions([
      [{ kind: 'commitInfo', commitInfo: {} }, add('a')],
      [remove('a'), remove('b')],
    ]),
  ).toEqual([remove('a'), remove('b')]);
});
