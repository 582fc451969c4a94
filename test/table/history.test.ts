import { expect, test } from 'vitest';

import { commitPath } from '../../src/log/index.ts';
import { readHistory } from '../../src/table/history.ts';
import {
  appendSpec,
  cleanedAtRead,
  commit,
  memoryContext,
  newTable,
  writeText,
} from './context.ts';

test('tells the newest commits first, as many as asked for', async () => {
  const ctx = memoryContext();
  const start = ctx.clock.now();
  const table = await newTable(ctx);
  ctx.clock.advance(10);
  await commit(ctx, table, { ...appendSpec('a'), operationMetrics: { numFiles: '1' } });
  const entries = await readHistory(ctx);
  expect(
    entries.map(({ version, operation, timestampMs }) => [version, operation, timestampMs]),
  ).toEqual([
    [1, 'WRITE', start + 10],
    [0, 'CREATE TABLE', start],
  ]);
  expect(entries[0]?.commitInfo).toMatchObject({ operationMetrics: { numFiles: '1' } });
  expect((await readHistory(ctx, { limit: 1 })).map(({ version }) => version)).toEqual([1]);
});

test('takes the time of the file where a commit tells nothing', async () => {
  const ctx = memoryContext();
  await newTable(ctx);
  ctx.clock.advance(5);
  await writeText(ctx.store, commitPath(1), '{"txn":{"appId":"a","version":1}}\n');
  const [entry] = await readHistory(ctx);
  expect(entry).toEqual({
    version: 1,
    operation: null,
    timestampMs: ctx.clock.now(),
    commitInfo: {},
  });
});

test('passes over what is cleaned up while it reads', async () => {
  const ctx = memoryContext();
  await commit(ctx, await newTable(ctx), appendSpec('a'));
  const clean = () => ctx.store.delete([commitPath(0)]);
  const store = cleanedAtRead(ctx.store, commitPath(0), clean);
  const versions = (await readHistory({ ...ctx, store })).map(({ version }) => version);
  expect(versions).toEqual([1]);
});

test('refuses a place without a table', async () => {
  await expect(readHistory(memoryContext())).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
});

test('takes the times in commits only as far as the newest metadata lets them count', async () => {
  const ctx = memoryContext();
  const start = ctx.clock.now();
  const table = await newTable(ctx);
  ctx.clock.advance(10);
  await commit(ctx, table, {
    ...appendSpec('a'),
    commitInfo: { inCommitTimestamp: start + 5 },
  });
  const told = async (configuration: Readonly<Record<string, string>>): Promise<number[]> => {
    const metadata = { ...table.metadata, configuration };
    return (await readHistory(ctx, { metadata })).map(({ timestampMs }) => timestampMs);
  };
  const on = { 'delta.enableInCommitTimestamps': 'true' };
  const since = 'delta.inCommitTimestampEnablementVersion';
  expect(await told({})).toEqual([start + 10, start]);
  expect(await told(on)).toEqual([start + 5, start]);
  expect(await told({ ...on, [since]: '1' })).toEqual([start + 5, start]);
  expect(await told({ ...on, [since]: '2' })).toEqual([start + 10, start]);
});
