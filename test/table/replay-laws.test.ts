/** A version is the same by whatever way it is read: commits alone, any kind of checkpoint, compacted files. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Action, commitPath, printCommit } from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { memoryContext, newTable } from './context.ts';
import { compact, type V2Spec, writeHint, writeV2 } from './log-writer.ts';

const path = fc.constantFrom('a', 'b', 'c%20d', 'p=%2525/é', 'p=+/f');
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.tuple(path, fc.nat(9), fc.boolean()).map(([it, size, dataChange]): Action => ({
    kind: 'add',
    add: {
      path: it,
      partitionValues: {},
      size,
      modificationTime: 1,
      dataChange,
      stats: `{"numRecords":${size}}`,
    },
  })),
  path.map((it): Action => ({
    kind: 'remove',
    remove: { path: it, deletionTimestamp: 1_699_999_999_999, dataChange: true },
  })),
  fc
    .tuple(fc.constantFrom('x', 'y'), fc.nat(9))
    .map(([appId, version]): Action => ({ kind: 'txn', txn: { appId, version } })),
);
/** The path of a commit is spoken of once. */
const commit = fc.uniqueArray(action, { minLength: 1, maxLength: 3, selector: keyOf });
const history = fc.array(commit, { minLength: 3, maxLength: 8 });

type Way = (ctx: TableContext, version: number) => Promise<unknown>;

const V2: readonly V2Spec[] = [
  { format: 'json', sidecars: 0 },
  { format: 'json', sidecars: 2 },
  { format: 'parquet', sidecars: 0 },
  { format: 'parquet', sidecars: 1 },
  { format: 'parquet', sidecars: 2, classic: true },
];

const WAYS: readonly (readonly [string, Way])[] = [
  [
    'the checkpoint that this writes',
    async (ctx, version) => writeCheckpoint(ctx, await openSnapshot(ctx, { version })),
  ],
  ...V2.map((spec): readonly [string, Way] => [
    `a V2 checkpoint: ${spec.format}, ${spec.sidecars} sidecars${spec.classic === true ? ', of the classic name' : ''}`,
    async (ctx, version) => writeHint(ctx.store, version, await writeV2(ctx, version, spec)),
  ]),
  ['a compacted file', (ctx, version) => compact(ctx.store, Math.max(0, version - 3), version)],
];

test.each(WAYS)('replay through %s is replay of the commits', async (_name, way) => {
  await fc.assert(
    fc.asyncProperty(history, fc.nat(), async (commits, chance) => {
      const ctx = memoryContext();
      await newTable(ctx);
      for (const [index, actions] of commits.entries()) {
        await ctx.store.put(commitPath(index + 1), printCommit(actions), { kind: 'create' });
      }
      const version = 1 + (chance % commits.length);
      const [before, latest] = await contents(ctx, [version, commits.length]);
      await way(ctx, version);
      expect(await contents(ctx, [version, commits.length])).toEqual([before, latest]);
    }),
    { numRuns: 5 },
  );
});

function keyOf(it: Action): string {
  if (it.kind === 'add') return it.add.path;
  if (it.kind === 'remove') return it.remove.path;
  return it.kind === 'txn' ? `txn ${it.txn.appId}` : it.kind;
}

async function contents(ctx: TableContext, versions: readonly number[]): Promise<unknown[]> {
  return Promise.all(
    versions.map(async (version) => contentOf(await openSnapshot(ctx, { version }))),
  );
}

/** `dataChange` speaks of the commit alone; a checkpoint has it false. */
function contentOf(snapshot: Snapshot): unknown {
  const { txns } = tableSnapshot(snapshot).state;
  const files = Array.from(snapshot.files(), (file) => ({ ...file, dataChange: false }));
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    txns: Array.from(txns.values(), ({ appId, version }) => `${appId} ${version}`).sort(),
    sizeBytes: snapshot.sizeBytes,
    fileCount: snapshot.fileCount,
    metadata: snapshot.metadata,
    protocol: snapshot.protocol,
  };
}
