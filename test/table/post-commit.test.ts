import { expect, test } from 'vitest';

import { commitPath, compactedPath } from '../../src/log/index.ts';
import { checkIntegrity } from '../../src/table/integrity.ts';
import { compactLog } from '../../src/table/compact-log.ts';
import { listLog } from '../../src/table/log-files.ts';
import { openSnapshot } from '../../src/table/open.ts';
import type { Snapshot } from '../../src/table/types.ts';
import {
  appendSpec,
  commit,
  memoryContext,
  newTable,
  pathsOf,
  readText,
  removeAction,
} from './context.ts';

test('compacted files stand for their commits, as often as the table asks', async () => {
  const ctx = memoryContext();
  let latest: Snapshot = await newTable(ctx, {
    properties: { 'deltawright.logCompactionInterval': '3', 'delta.checkpointInterval': '100' },
  });
  for (let i = 1; i <= 7; i += 1) {
    ({ snapshot: latest } = await commit(ctx, latest, appendSpec(`f${i}`)));
  }
  const { compacted } = await listLog(ctx.store, 0);
  expect(compacted.map(({ version, endVersion }) => [version, endVersion])).toEqual([
    [1, 3],
    [4, 6],
  ]);
  expect(await readText(ctx.store, compactedPath(1, 3))).not.toContain('commitInfo');
  expect(pathsOf(await openSnapshot(ctx))).toEqual(pathsOf(latest));
  await ctx.store.delete([commitPath(5)]);
  expect(await compactLog(ctx, { from: 4, to: 7 })).toBe(false);
});

test('checksum files of each commit hold what the state says', async () => {
  const ctx = memoryContext();
  let latest: Snapshot = await newTable(ctx, {
    properties: {
      'deltawright.versionChecksums': 'true',
      'delta.enableInCommitTimestamps': 'true',
    },
  });
  for (let i = 1; i <= 10; i += 1) {
    const txn = { appId: 'app', version: i };
    ({ snapshot: latest } = await commit(ctx, latest, { ...appendSpec(`f${i}`), txn }));
    expect(await checkIntegrity(ctx, latest)).toEqual({ isChecked: true, differences: [] });
  }
  const text = await readText(ctx.store, '_delta_log/00000000000000000010.crc');
  expect(JSON.parse(text)).toMatchObject({
    inCommitTimestampOpt: latest.timestampMs,
    setTransactions: [{ appId: 'app', version: 10 }],
    domainMetadata: [],
    fileSizeHistogram: { fileCounts: expect.arrayContaining([10]) as unknown },
  });
});

test('checksum files go on counting from the one before, also after the table was opened anew', async () => {
  const ctx = memoryContext();
  const properties = { 'deltawright.versionChecksums': 'true', 'delta.checkpointInterval': '100' };
  let latest: Snapshot = await newTable(ctx, { properties });
  for (let i = 1; i <= 6; i += 1) {
    const removal = i % 3 === 0 ? [removeAction(`f${i - 1}`)] : [];
    const { actions } = appendSpec(`f${i}`);
    const spec = { ...appendSpec(), actions: [...actions, ...removal] };
    ({ snapshot: latest } = await commit(ctx, latest, spec));
    if (i === 4) latest = await openSnapshot(ctx);
    expect(await checkIntegrity(ctx, latest)).toEqual({ isChecked: true, differences: [] });
    const told = await readText(ctx.store, `_delta_log/${String(i).padStart(20, '0')}.crc`);
    expect(JSON.parse(told)).toMatchObject({ fileSizeHistogram: {}, numFiles: latest.fileCount });
  }
});
