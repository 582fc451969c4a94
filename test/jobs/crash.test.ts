import { expect, test } from 'vitest';

import { isDeltaError, ManualClock } from '../../src/base/index.ts';
import { type ConfigInput, runJob } from '../../src/jobs/index.ts';
import { crashAtWrite, faultyStore } from '../../src/store/index.ts';
import { event, JobBench, USUARIOS } from './bench.ts';

/** More writes than two batches make. */
const WRITES_MAX = 80;

const oneFileABatch: ConfigInput = {
  ...USUARIOS,
  jobs: Object.fromEntries(
    Object.entries(USUARIOS.jobs).map(([name, job]) => [
      name,
      { ...job, source: { ...job.source, maxFilesPerBatch: 1 } },
    ]),
  ),
};

async function openBench(): Promise<JobBench> {
  const bench = await JobBench.open(oneFileABatch);
  await bench.parquet('1.parquet', [
    event('e1', '10:00', 'u1', 'Ana'),
    event('e2', '11:00', 'u2', 'Bia'),
  ]);
  await bench.lines('2.jsonl', [
    event('e2', '11:00', 'u2', 'Bia'),
    event('e3', '12:00', 'u1', 'Ana Maria'),
    event(null, '13:00', 'u3', 'no key'),
  ]);
  return bench;
}

interface State {
  readonly rows: unknown;
  readonly catalog: readonly string[];
  readonly rejected: string;
  readonly offsets: readonly string[];
  readonly commits: readonly string[];
}

async function stateOf(bench: JobBench, job: string, table: string): Promise<State> {
  const { listed, live } = await bench.manifest(table);
  expect(listed).toEqual(live);
  const documents = await bench.names('lake/_catalog/usuarios');
  const catalog = documents.map((name) => bench.text(`lake/_catalog/usuarios/${name}`));
  return {
    rows: await bench.pairs(table),
    catalog: (await Promise.all(catalog)).map((text) => text.replaceAll(bench.folder, '')),
    rejected: (await bench.text(`lake/_rejected/${job}/batch-1.jsonl`)).replaceAll(
      bench.folder,
      '',
    ),
    offsets: await bench.names(`lake/_checkpoints/${job}/offsets`),
    commits: await bench.names(`lake/_checkpoints/${job}/commits`),
  };
}

/** Runs on a disk that dies before its write `writeIndex`; false where the run ended before that. */
async function crashes(bench: JobBench, job: string, writeIndex: number): Promise<boolean> {
  const disk = faultyStore(bench.store(`file://${bench.folder}`), {
    clock: new ManualClock(),
    plan: crashAtWrite(writeIndex, 'crash'),
  });
  try {
    await runJob(bench.config, job, bench.context(disk));
    return false;
  } catch (error) {
    if (!isDeltaError(error, 'STORE_CRASHED')) throw error;
    return true;
  }
}

test.each([
  ['evento', 'usuario_evento_delta'],
  ['merge', 'usuario_delta'],
])(
  '%s, killed before any of its writes and run again, ends as if it had not been',
  async (job, table) => {
    const whole = await openBench();
    await whole.run(job);
    const expected = await stateOf(whole, job, table);
    await whole.close();
    expect(expected).toMatchObject({ offsets: ['0', '1'], commits: ['0', '1'] });

    let writeIndex = 0;
    for (let crashed = true; crashed; writeIndex += 1) {
      const bench = await openBench();
      crashed = await crashes(bench, job, writeIndex);
      if (crashed) await bench.run(job);
      expect(await stateOf(bench, job, table), `write ${writeIndex}`).toEqual(expected);
      await bench.close();
      expect(writeIndex).toBeLessThan(WRITES_MAX);
    }
    expect(writeIndex).toBeGreaterThan(15);
  },
  120_000,
);
