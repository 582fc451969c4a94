import { expect, test } from 'vitest';

import { event, JobBench, USUARIOS } from './bench.ts';

test('small files are packed every few batches, counted over the runs that made them', async () => {
  const { evento } = USUARIOS.jobs;
  if (evento?.sink.kind !== 'append') throw new TypeError('the job appends');
  const optimize = { everyBatches: 3, minFiles: 2, sortBy: ['id'] };
  const sink = { ...evento.sink, optimize };
  const bench = await JobBench.open({ ...USUARIOS, jobs: { evento: { ...evento, sink } } });
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
