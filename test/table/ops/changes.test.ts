import { expect, test } from 'vitest';

import { cellText } from '../../../src/cli/output.ts';
import { commitPath } from '../../../src/log/index.ts';
import { writeCheckpoint } from '../../../src/table/checkpoint.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { type ChangesOptions, readChanges } from '../../../src/table/ops/changes.ts';
import { inlineVector, portableVector } from '../../log/vectors.ts';
import { cleanedAtRead } from '../context.ts';
import { type EngineTable, type TableSpec, withTable } from './engine-table.ts';

const VECTOR_1 = inlineVector(portableVector([1], 'array'), 1);
const VECTOR_12 = inlineVector(portableVector([1, 2], 'array'), 2);
const VECTOR_2 = inlineVector(portableVector([2], 'array'), 1);

function commitOf(version: number, actions: readonly object[]): [string, Uint8Array] {
  const lines = actions.map((action) => `${JSON.stringify(action)}\n`);
  const key = `_delta_log/${String(version).padStart(20, '0')}.json`;
  return [key, new TextEncoder().encode(lines.join(''))];
}

const FILE = { path: 'a.parquet', partitionValues: { p: '7' }, size: 1, dataChange: true };
const ADD = { ...FILE, modificationTime: 1 };

/** Version 0 adds rows 10 to 13; each later commit is given. */
function spec(commits: (size: number) => readonly (readonly object[])[], size = 1): TableSpec {
  return {
    ddl: 'id bigint, p int',
    partitionColumns: ['p'],
    configuration: { 'delta.enableChangeDataFeed': 'true' },
    protocol: {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors'],
      writerFeatures: ['deletionVectors', 'changeDataFeed'],
    },
    files: [
      {
        key: 'a.parquet',
        query: 'SELECT 10 + range AS id FROM range(4)',
        partitionValues: { p: '7' },
      },
    ],
    objects: new Map(commits(size).map((actions, index) => commitOf(index + 1, actions))),
  };
}

/** The size of the file is not known before it has been written. */
async function withCommits(
  commits: (size: number) => readonly (readonly object[])[],
  work: (table: EngineTable) => Promise<void>,
): Promise<void> {
  let size = 0;
  await withTable(
    'memory',
    spec(() => []),
    ({ snapshot }) => {
      size = snapshot.file('a.parquet')?.size ?? 0;
      return Promise.resolve();
    },
  );
  await withTable('memory', spec(commits, size), work);
}

async function changes(table: EngineTable, options: ChangesOptions): Promise<readonly string[]> {
  const latest = await openSnapshot(table.ctx);
  const rows = await Array.fromAsync(readChanges(table.ctx, latest, options));
  return rows.map(({ _commit_version: version, _change_type: type, id }) =>
    [version, type, id].map(cellText).join(' '),
  );
}

test('changes are what was added and removed, or hidden and shown by vectors', async () => {
  const commits = (size: number): readonly (readonly object[])[] => [
    [{ remove: { ...FILE, size } }, { add: { ...ADD, size, deletionVector: VECTOR_1 } }],
    [
      { remove: { ...FILE, size, deletionVector: VECTOR_1 } },
      { add: { ...ADD, size, deletionVector: VECTOR_12 } },
    ],
    [
      { remove: { ...FILE, size, deletionVector: VECTOR_12 } },
      { add: { ...ADD, size, deletionVector: VECTOR_2 } },
    ],
    // Packed, and so not changed.
    [
      { remove: { ...FILE, size, deletionVector: VECTOR_2, dataChange: false } },
      { add: { ...ADD, size, deletionVector: VECTOR_2, dataChange: false } },
    ],
    // Only the version before tells where the file is from, and how long it is.
    [{ remove: { path: 'a.parquet', dataChange: true, deletionVector: VECTOR_2 } }],
  ];
  await withCommits(commits, async (table) => {
    expect(await changes(table, { fromVersion: 0 })).toEqual([
      '0 insert 10',
      '0 insert 11',
      '0 insert 12',
      '0 insert 13',
      '1 delete 11',
      '2 delete 12',
      '3 insert 11',
      '5 delete 10',
      '5 delete 11',
      '5 delete 13',
    ]);
    expect(await changes(table, { fromVersion: 1, toVersion: 2 })).toEqual([
      '1 delete 11',
      '2 delete 12',
    ]);
    const latest = await openSnapshot(table.ctx);
    const [row] = await Array.fromAsync(readChanges(table.ctx, latest, { fromVersion: 5 }));
    expect(row).toMatchObject({ p: 7, _commit_timestamp: expect.any(String) as string });
  });
});

test('a version with change data files is told by them alone', async () => {
  const commits = (size: number): readonly (readonly object[])[] => [
    [{ remove: { ...FILE, size } }, { cdc: { ...FILE, path: 'c.parquet', size } }],
  ];
  await withCommits(commits, async (table) => {
    await expect(changes(table, { fromVersion: 1 })).rejects.toMatchObject({
      code: 'TABLE_FILE_MISSING',
      details: { path: 'c.parquet' },
    });
  });
});

test('a commit that is cleaned up before it is read is told of', async () => {
  const commits = (size: number): readonly (readonly object[])[] => [
    [{ remove: { ...FILE, size } }],
    [{ add: { ...ADD, size } }],
    [{ remove: { ...FILE, size } }],
  ];
  await withCommits(commits, async (table) => {
    const { store } = table.ctx;
    const clean = async (): Promise<void> => {
      await writeCheckpoint(table.ctx, await openSnapshot(table.ctx));
      await store.delete([0, 1, 2].map((version) => commitPath(version)));
    };
    const latest = await openSnapshot(table.ctx);
    const ctx = { ...table.ctx, store: cleanedAtRead(store, commitPath(2), clean) };
    const reading = Array.fromAsync(readChanges(ctx, latest, { fromVersion: 1 }));
    await expect(reading).rejects.toMatchObject({
      code: 'CHANGES_GONE',
      details: { version: 2, earliest: 3 },
    });
  });
});

test('what cannot be told is refused', async () => {
  const metaData = (configuration: object): object => ({
    metaData: {
      id: 't',
      format: { provider: 'parquet', options: {} },
      schemaString: '{"type":"struct","fields":[]}',
      partitionColumns: [],
      configuration,
    },
  });
  const commits = (): readonly (readonly object[])[] => [[metaData({})]];
  await withCommits(commits, async (table) => {
    await expect(changes(table, { fromVersion: 1 })).rejects.toMatchObject({
      code: 'CHANGES_NOT_RECORDED',
      details: { version: 1 },
    });
    for (const range of [{ fromVersion: 2 }, { fromVersion: 1, toVersion: 0 }]) {
      await expect(changes(table, range)).rejects.toMatchObject({ code: 'CHANGES_RANGE' });
    }
  });
});
