import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type Action,
  checkpointActions,
  type LogState,
  Replay,
  vectorId,
} from '../../src/log/index.ts';
import { add, addFile, FIRST, remove, txn } from './actions.ts';

function replay(commits: readonly (readonly Action[])[], start: LogState | null = null): LogState {
  const run = new Replay(start);
  for (const commit of commits) run.commit(commit);
  return run.finish((start?.version ?? -1) + commits.length);
}

function contentOf(state: LogState): unknown {
  const sorted = <T>(values: Iterable<T>): string[] =>
    Array.from(values, (value) => JSON.stringify(value)).sort();
  return {
    files: sorted(
      Array.from(state.files.values(), ({ path, size, deletionVector }) => ({
        path,
        size,
        deletionVector,
      })),
    ),
    tombstones: sorted(Array.from(state.tombstones.values(), ({ path }) => path)),
    txns: sorted(state.txns.values()),
    domains: sorted(state.domains.values()),
    sizeBytes: state.files.sizeBytes,
    protocol: state.protocol,
    metadata: state.metadata,
  };
}

const vector = (id: string) =>
  ({ storageType: 'u', pathOrInlineDv: id, sizeInBytes: 1, cardinality: 1 }) as const;

describe('Replay', () => {
  test('lets the newest win: file, transaction, domain, metadata', () => {
    const state = replay([
      [...FIRST, add('a'), add('b', { size: 3 }), txn('app', 1)],
      [remove('a'), txn('app', 2)],
    ]);
    expect([...state.files.values()].map((file) => file.path)).toEqual(['b']);
    expect(state.files.sizeBytes).toBe(3);
    expect(state.txns.get('app')?.version).toBe(2);
    expect(state.tombstones.get('a')).not.toBeNull();
  });

  test('takes all spellings of a path for one file', () => {
    const state = replay([
      [...FIRST, add('p=a%20b/x'), add('/data/y'), add('s3a://b/z')],
      [remove('p=a b/x'), remove('file:///data/y'), remove('s3://b/z')],
    ]);
    expect(state.files.size).toBe(0);
  });

  test('cancels an add only by a remove with its deletion vector, in either order', () => {
    const before = add('a', { deletionVector: vector('1') });
    const after = add('a', { deletionVector: vector('2') });
    const gone: Action = {
      kind: 'remove',
      remove: { path: 'a', dataChange: true, deletionVector: vector('1') },
    };
    for (const second of [
      [gone, after],
      [after, gone],
    ]) {
      const state = replay([[...FIRST, before], second]);
      expect(Array.from(state.files.values(), (file) => vectorId(file.deletionVector))).toEqual([
        'u2',
      ]);
    }
  });

  test('hides a removed domain and a file’s tombstone once it is added again', () => {
    const domain = (removed: boolean): Action => ({
      kind: 'domainMetadata',
      domainMetadata: { domain: 'd', configuration: '{}', removed },
    });
    const state = replay([
      [...FIRST, domain(false), add('a')],
      [remove('a')],
      [domain(true), add('a')],
    ]);
    expect(state.domains.size).toBe(0);
    expect(state.tombstones.size).toBe(0);
    expect(state.files.size).toBe(1);
  });

  test('keeps the commitInfo of the last commit alone', () => {
    const info: Action = { kind: 'commitInfo', commitInfo: { operation: 'WRITE' } };
    expect(replay([[...FIRST, info]]).commitInfo).toEqual({ operation: 'WRITE' });
    expect(replay([[...FIRST, info], [add('a')]]).commitInfo).toBeNull();
  });

  test('leaves the state it goes on from as it was', () => {
    const first = replay([[...FIRST, add('a')]]);
    const second = replay([[remove('a'), add('b')]], first);
    expect([...first.files.values()]).toEqual([addFile('a')]);
    expect([...second.files.values()]).toEqual([addFile('b')]);
  });

  test.each([
    ['protocol', [FIRST[1]]],
    ['metaData', [FIRST[0]]],
  ])('refuses a log without %s', (_missing, actions) => {
    const commit = actions.filter((action) => action !== undefined);
    expect(() => replay([commit])).toThrow(expect.objectContaining({ code: 'LOG_INCOMPLETE' }));
  });
});

const action: fc.Arbitrary<Action> = fc.oneof(
  fc
    .record({ path: fc.constantFrom('a', 'b%20c', 'b c', 'd'), size: fc.nat(9) })
    .map(({ path, size }) => add(path, { size })),
  fc.constantFrom('a', 'b%20c', 'b c', 'd').map((path) => remove(path, 100)),
  fc
    .record({ appId: fc.constantFrom('x', 'y'), version: fc.nat(9) })
    .map(({ appId, version }) => txn(appId, version)),
);
const history = fc.array(fc.array(action, { maxLength: 4 }), { maxLength: 12 });

describe('laws', () => {
  test('replay from a checkpoint is replay from the start', () => {
    fc.assert(
      fc.property(history, fc.nat(12), (commits, at) => {
        const all = [FIRST, ...commits];
        const cut = Math.min(at, commits.length) + 1;
        const early = replay(all.slice(0, cut));
        const run = new Replay(null);
        run.apply(checkpointActions(early, { removedAfterMs: 0, txnUpdatedAfterMs: null }));
        for (const commit of all.slice(cut)) run.commit(commit);
        expect(contentOf(run.finish(commits.length))).toEqual(contentOf(replay(all)));
      }),
    );
  });

  test('going on from a snapshot is replay from the start', () => {
    fc.assert(
      fc.property(history, (commits) => {
        let state = replay([FIRST]);
        for (const commit of commits) state = replay([commit], state);
        expect(contentOf(state)).toEqual(contentOf(replay([FIRST, ...commits])));
      }),
    );
  });
});

describe('checkpointActions', () => {
  test('drops expired tombstones and transactions, and marks nothing as a change of data', () => {
    const late: Action = { kind: 'txn', txn: { appId: 'late', version: 1, lastUpdated: 50 } };
    const early: Action = { kind: 'txn', txn: { appId: 'early', version: 1, lastUpdated: 5 } };
    const state = replay([
      [...FIRST, add('a', { tags: { t: 'v' }, stats: '{}' }), late, early, txn('timeless', 1)],
      [
        remove('old', 10),
        remove('new', 11),
        { kind: 'remove', remove: { path: 'never', dataChange: true } },
      ],
    ]);
    const rows = [...checkpointActions(state, { removedAfterMs: 10, txnUpdatedAfterMs: 10 })];
    expect(rows.flatMap((row) => (row.kind === 'remove' ? [row.remove] : []))).toEqual([
      { path: 'new', deletionTimestamp: 11, dataChange: false },
    ]);
    expect(rows.flatMap((row) => (row.kind === 'txn' ? [row.txn.appId] : []))).toEqual([
      'late',
      'timeless',
    ]);
    expect(rows.findLast((row) => row.kind === 'add')).toEqual(
      add('a', { tags: { t: 'v' }, stats: '{}', dataChange: false }),
    );
  });
});
