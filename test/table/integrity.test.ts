import { expect, test } from 'vitest';

import { checksumPath } from '../../src/log/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { checkIntegrity } from '../../src/table/integrity.ts';
import { memoryContext, newTable, writeText } from './context.ts';

test('tells what a checksum file says otherwise, and where there is none', async () => {
  const ctx = memoryContext();
  const snapshot = await newTable(ctx);
  expect(await checkIntegrity(ctx, snapshot)).toEqual({ isChecked: false, differences: [] });
  await writeCheckpoint(ctx, snapshot);
  expect(await checkIntegrity(ctx, snapshot)).toEqual({ isChecked: true, differences: [] });
  await writeText(ctx.store, checksumPath(0), '{"numFiles":1,"numDeletionVectorsOpt":2}');
  expect((await checkIntegrity(ctx, snapshot)).differences).toEqual([
    'numFiles',
    'numDeletionVectorsOpt',
  ]);
  await writeText(ctx.store, checksumPath(0), '{');
  expect((await checkIntegrity(ctx, snapshot)).isChecked).toBe(false);
});
