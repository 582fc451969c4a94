/** The table of a job, as its description evolves. */

import { expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { prepareTable } from '../../src/jobs/sink-table.ts';
import { checksumPath } from '../../src/log/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { memoryStore } from '../../src/store/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { memoryContext, newTable, readText, writeText } from '../table/context.ts';

test('what a checksum file tells wrongly of the table does not come into it', async () => {
  const ctx = memoryContext();
  await writeCheckpoint(ctx, await newTable(ctx));
  const told = JSON.parse(await readText(ctx.store, checksumPath(0))) as { metadata: object };
  const metadata = { ...told.metadata, configuration: { 'delta.appendOnly': 'true' } };
  await writeText(ctx.store, checksumPath(0), JSON.stringify({ ...told, metadata }));

  const store = memoryStore({ clock: new ManualClock(), name: 'checkpoint' });
  const checkpoint = { store, id: 'c', planned: null, committed: null };
  const schema = parseDdl('id string, n bigint, more string');
  const sink = {
    database: 'd',
    table: 't',
    virtualTable: null,
    location: 'table',
    schema,
    partitionColumns: [],
    properties: {},
    evolve: 'add',
    optimize: null,
  } as const;
  await prepareTable(ctx, sink, { checkpoint, schema, hasWorkers: false });

  const snapshot = await openSnapshot(ctx);
  expect(snapshot.schema.fields.map(({ name }) => name)).toEqual(['id', 'n', 'more']);
  expect(snapshot.metadata.configuration).toEqual({});
});
