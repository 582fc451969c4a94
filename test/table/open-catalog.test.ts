/** Tables that a catalog manages, read through what it knows. PROTOCOL.md, "Reading Catalog-managed Tables". */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import { type Action, commitPath, printCommit, stagedCommitPath } from '../../src/log/index.ts';
import { localStore } from '../../src/store/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import {
  type CommitSource,
  fileCommitSource,
  MemoryCommitSource,
} from '../../src/table/commit-source.ts';
import { readHistory } from '../../src/table/history.ts';
import { openMetadata, openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { TableContext } from '../../src/table/types.ts';
import {
  addAction,
  appendSpec,
  contextOf,
  memoryContext,
  newTable,
  pathsOf,
  writeText,
} from './context.ts';
import { corpusDirectory } from './corpus.ts';

const UUID = '7d17ac10-5cc3-401b-bd1a-9c82dd2ea032';
const FEATURES = ['catalogManaged', 'inCommitTimestamp'];

/** The name of the staged commit of a version. */
function staged(version: number, uuid = UUID): string {
  return `${String(version).padStart(20, '0')}.${uuid}.json`;
}

function text(version: number, ...actions: readonly Action[]): string {
  const commitInfo = { inCommitTimestamp: version * 100, txnId: String(version) };
  return new TextDecoder().decode(printCommit([{ kind: 'commitInfo', commitInfo }, ...actions]));
}

/**
 * Published: 0, 1 with `a`, 2 with `b`, and one of 4 that nobody ratified; ratified besides: 2 again, with `c`, staged, and 3
 * with `d`, inline.
 */
async function managed(): Promise<TableContext & { readonly commitSource: MemoryCommitSource }> {
  const ctx = memoryContext();
  const first = await newTable(ctx);
  const configuration = { 'delta.enableInCommitTimestamps': 'true' };
  const protocol = {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: ['catalogManaged'],
    writerFeatures: FEATURES,
  };
  const upgrade: readonly Action[] = [
    { kind: 'protocol', protocol },
    { kind: 'metaData', metaData: { ...first.metadata, configuration } },
  ];
  const files = {
    [commitPath(0)]: text(0, ...upgrade),
    [commitPath(1)]: text(1, addAction('a')),
    [commitPath(2)]: text(2, addAction('b')),
    [commitPath(4)]: text(4, addAction('not ratified')),
    [stagedCommitPath(2, staged(2)) ?? '']: text(2, addAction('c')),
    [stagedCommitPath(3, staged(3)) ?? '']: 'not ratified either',
  };
  for (const [path, content] of Object.entries(files)) await writeText(ctx.store, path, content);
  const inline = new TextEncoder().encode(text(3, addAction('d')));
  const commitSource = new MemoryCommitSource({
    latestVersion: 3,
    commits: [
      { version: 3, content: inline },
      { version: 2, content: staged(2) },
    ],
  });
  return { ...ctx, commitSource };
}

describe('a table that a catalog manages', () => {
  test('is read from what was ratified, and nothing else', async () => {
    const ctx = await managed();
    const snapshot = await openSnapshot(ctx);
    expect([snapshot.version, pathsOf(snapshot)]).toEqual([3, ['a', 'c', 'd']]);
    expect(snapshot.timestampMs).toBe(300);
    expect((await openMetadata(ctx)).version).toBe(3);
    expect(pathsOf(await openSnapshot(ctx, { version: 2 }))).toEqual(['a', 'c']);
    expect((await openSnapshot(ctx, { timestampMs: 299 })).version).toBe(2);
    const history = await readHistory(ctx);
    expect(history.map(({ timestampMs }) => timestampMs)).toEqual([300, 200, 100, 0]);
    await expect(openSnapshot(ctx, { version: 4 })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
      details: { latest: 3 },
    });
  });

  test('moves on with what the catalog ratifies and forgets', async () => {
    const ctx = await managed();
    const snapshot = await openSnapshot(ctx);
    expect(await refreshSnapshot(ctx, snapshot)).toBe(snapshot);
    await writeText(ctx.store, stagedCommitPath(4, staged(4)) ?? '', text(4, addAction('e')));
    ctx.commitSource.ratify({ version: 4, content: staged(4) });
    const next = await refreshSnapshot(ctx, snapshot);
    expect(pathsOf(next)).toEqual(['a', 'c', 'd', 'e']);

    ctx.commitSource.published(2);
    expect(pathsOf(await openSnapshot(ctx))).toEqual(['a', 'b', 'd', 'e']);
    ctx.commitSource.published(3);
    await expect(openSnapshot(ctx)).rejects.toMatchObject({ code: 'LOG_GAP' });
  });

  test('is refused without its catalog, and never written', async () => {
    const { commitSource, ...ctx } = await managed();
    await ctx.store.delete([commitPath(4)]);
    await expect(openSnapshot(ctx)).rejects.toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
      message: expect.stringContaining('catalogManaged') as string,
    });
    const managedCtx = { ...ctx, commitSource };
    const snapshot = await openSnapshot(managedCtx);
    const refusal = { code: 'FEATURE_UNSUPPORTED' };
    await expect(commitTransaction(managedCtx, snapshot, appendSpec('x'))).rejects.toMatchObject(
      refusal,
    );
    await expect(writeCheckpoint(managedCtx, snapshot)).rejects.toMatchObject(refusal);
  });
});

describe('a catalog in a file', () => {
  async function from(content: string): Promise<CommitSource> {
    const { store } = memoryContext();
    await writeText(store, 'catalog.json', content);
    return fileCommitSource(store, 'catalog.json');
  }

  test('tells staged and inline commits', async () => {
    const { commitSource: _memory, ...ctx } = await managed();
    const commitSource = await from(
      JSON.stringify({
        latestVersion: 3,
        commits: [
          { version: 2, stagedCommit: staged(2) },
          { version: 3, inlineCommit: text(3, addAction('d')) },
        ],
      }),
    );
    expect(pathsOf(await openSnapshot({ ...ctx, commitSource }))).toEqual(['a', 'c', 'd']);
  });

  test.each([
    ['no JSON', '{'],
    ['no list of commits', '{"latestVersion":1}'],
    ['no version', '{"latestVersion":1,"commits":[{"stagedCommit":"x"}]}'],
    ['no content', '{"latestVersion":1,"commits":[{"version":1}]}'],
    [
      'a name of another version',
      JSON.stringify({ latestVersion: 1, commits: [{ version: 1, stagedCommit: staged(2) }] }),
    ],
    [
      'a name outside the folder',
      '{"latestVersion":1,"commits":[{"version":1,"stagedCommit":"../x.json"}]}',
    ],
  ])('is refused with %s', async (_case, content) => {
    const { commitSource: _memory, ...ctx } = await managed();
    const commitSource = await from(content);
    await expect(openSnapshot({ ...ctx, commitSource })).rejects.toMatchObject({
      code: 'COMMIT_SOURCE_INVALID',
    });
  });
});

const corpus = corpusDirectory();
const folder = join(corpus ?? '', 'tables/kernel-rs/catalog_managed_0');

test.skipIf(corpus === null || !existsSync(folder))(
  'a managed table of another writer is read to the version that its catalog names',
  async () => {
    const clock = new ManualClock();
    const store = localStore(folder, { clock, random: seededRandom(1) });
    const commits = [
      { version: 1, content: '00000000000000000001.4cb9708e-b478-44de-b203-53f9ba9b2876.json' },
      { version: 2, content: '00000000000000000002.5b9bba4a-0085-430d-a65e-b0d38c1afbe9.json' },
    ];
    const open = async (latestVersion: number): Promise<number> => {
      const commitSource = new MemoryCommitSource({ latestVersion, commits });
      return (await openSnapshot({ ...contextOf(store, clock), commitSource })).fileCount;
    };
    expect([await open(0), await open(1), await open(2)]).toEqual([0, 1, 2]);
  },
);
