import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { type ConfigInput, findJob, type Job } from '../../src/jobs/index.ts';
import { Packer } from '../../src/jobs/packer.ts';
import { event, JobBench, USUARIOS } from './bench.ts';

/** The job packs after every third batch. */
function packing(): ConfigInput {
  const { evento } = USUARIOS.jobs;
  if (evento?.sink.kind !== 'append') throw new TypeError('the job appends');
  const optimize = { everyBatches: 3, minFiles: 2, sortBy: ['id'] };
  return { ...USUARIOS, jobs: { evento: { ...evento, sink: { ...evento.sink, optimize } } } };
}

test('small files are packed every few batches, counted over the runs that made them', async () => {
  const bench = await JobBench.open(packing());
  const fileCounts: number[] = [];
  for (const id of ['c', 'b', 'a', 'd']) {
    await bench.parquet(`${id}.parquet`, [event(id, '10:00', 'u1', 'Ana')]);
    await bench.run('evento');
    fileCounts.push((await bench.snapshot('usuario_evento_delta')).fileCount);
  }
  expect(fileCounts).toEqual([1, 2, 1, 2]);
  const { listed, live } = await bench.manifest('usuario_evento_delta');
  expect(listed).toEqual(live);
  expect(await bench.pairs('usuario_evento_delta')).toHaveLength(4);
  await bench.close();
});

/** A table of small files, and the packer of a job that keeps on appending to it. */
async function beside(): Promise<{ bench: JobBench; packer: Packer }> {
  const bench = await JobBench.open(packing());
  for (const id of ['a', 'b']) {
    await bench.parquet(`${id}.parquet`, [event(id, '10:00', 'u1', 'Ana')]);
    await bench.run('evento');
  }
  const job: Job = { ...findJob(bench.config, 'evento'), trigger: { kind: 'continuous' } };
  if (job.sink.kind !== 'append') throw new TypeError('the job appends');
  const run = { job, signal: undefined };
  return { bench, packer: new Packer(run, bench.table('usuario_evento_delta'), job.sink) };
}

test('a job that goes on packs beside its batches, and is told when it closes that there is more to publish', async () => {
  const { bench, packer } = await beside();
  await packer.afterBatch(2);
  while ((await bench.snapshot('usuario_evento_delta')).fileCount > 1) await setImmediate();
  expect(await packer.close()).toBe(true);
  expect(await bench.pairs('usuario_evento_delta')).toHaveLength(2);
  await bench.close();
});

test('what is under way when the job closes is given up, and no row is lost', async () => {
  const { bench, packer } = await beside();
  await packer.afterBatch(2);
  expect(await packer.close()).toBe(false);
  expect(await bench.pairs('usuario_evento_delta')).toHaveLength(2);
  await bench.close();
});

test('what packing fails with beside the batches is thrown after the next one', async () => {
  const { bench, packer } = await beside();
  const table = join(bench.folder, 'lake/usuarios/usuario_evento_delta');
  for (const name of readdirSync(table)) if (name.endsWith('.parquet')) rmSync(join(table, name));
  await packer.afterBatch(2);
  await expect(async () => {
    for (;;) {
      await setImmediate();
      await packer.afterBatch(3);
    }
  }).rejects.toMatchObject({ code: 'TABLE_FILE_MISSING' });
  expect(await packer.close()).toBe(false);
  await bench.close();
});
