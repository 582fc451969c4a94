import { readFileSync, rmSync, writeFileSync } from 'node:fs';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { present } from '../../src/base/index.ts';
import { runJob } from '../../src/jobs/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { createTable } from '../../src/table/index.ts';
import { event, JobBench, USUARIOS } from './bench.ts';
import { parquetOf } from './parquet-of.ts';

let bench: JobBench;
beforeEach(async () => {
  bench = await JobBench.open();
});
afterEach(async () => {
  await bench.close();
});

const TABLE = 'usuario_evento_delta';

describe('an append', () => {
  test('warns of a source folder that does not exist, not of one without files', async () => {
    rmSync(`${bench.folder}/samples`, { recursive: true, force: true });
    const { batches, warnings } = await bench.run('evento');
    expect(batches).toBe(0);
    expect(warnings).toEqual([expect.stringMatching(/^the source file:.* does not exist/)]);
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    expect(await bench.run('evento')).toMatchObject({ batches: 1, warnings: [] });
    expect(await bench.run('evento')).toMatchObject({ batches: 0, warnings: [] });
  });

  test('makes, fills, publishes and registers its table in one run', async () => {
    await bench.parquet('a b/ção 1%.parquet', [
      event('e1', '10:00', 'u1', 'Ana'),
      event('e2', '11:00', 'u2', 'João'),
    ]);
    await bench.lines('b.jsonl', [event('e3', '12:00', 'u1', 'Ana Maria')]);
    const result = await bench.run('evento');
    expect(result).toMatchObject({
      job: 'evento',
      sink: 'usuarios.usuario_evento_delta',
      batches: 1,
      files: 2,
      rowsIn: 3,
      duplicates: 0,
      inserted: 3,
      rejectedFiles: 0,
      rejectedRows: 0,
      rejectedLocation: null,
      version: 1,
    });
    expect(await bench.pairs(TABLE)).toEqual([
      ['e1', 'Ana'],
      ['e2', 'João'],
      ['e3', 'Ana Maria'],
    ]);
    const { listed, live } = await bench.manifest(TABLE);
    expect(listed).toEqual(live);
    expect(await bench.names('lake/_catalog/usuarios')).toEqual([
      'usuario_evento.json',
      'usuario_evento_delta.json',
    ]);
    expect(await bench.names('lake/_checkpoints/evento')).toEqual([
      'commits',
      'metadata',
      'offsets',
      'sources',
      'table.json',
    ]);
  });

  test('with nothing new commits nothing, and does not load the engine', async () => {
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    await bench.run('evento');
    const absent = (): Promise<never> => Promise.reject(new Error('it is not needed'));
    const again = await runJob(bench.config, 'evento', { ...bench.context(), engine: absent });
    expect(again).toMatchObject({ batches: 0, files: 0, version: 1 });
    expect(await bench.names('lake/_checkpoints/evento/offsets')).toEqual(['0']);
  });

  test('without any sample makes and registers an empty table', async () => {
    expect(await bench.run('evento')).toMatchObject({ batches: 0, version: 0 });
    expect(await bench.names('lake/_catalog/usuarios')).toHaveLength(2);
    expect(await bench.manifest(TABLE)).toEqual({ listed: [], live: [] });
  });

  test('takes an id once within a batch, across batches and runs; the first stays', async () => {
    await bench.parquet('1.parquet', [
      event('e1', '10:00', 'u1', 'first'),
      event('e1', '10:00', 'u1', 'second'),
    ]);
    await bench.lines('0.jsonl', [event('e2', '10:00', 'u1', 'lowest path')]);
    await bench.parquet('2.parquet', [event('e2', '10:00', 'u1', 'other')]);
    expect(await bench.run('evento')).toMatchObject({ inserted: 2, duplicates: 2 });
    await bench.parquet('3.parquet', [
      event('e1', '23:00', 'u1', 'late'),
      event('e3', '10:00', 'u1', 'new'),
    ]);
    expect(await bench.run('evento')).toMatchObject({ inserted: 1, duplicates: 1, batches: 1 });
    expect(await bench.pairs(TABLE)).toEqual([
      ['e1', 'first'],
      ['e2', 'lowest path'],
      ['e3', 'new'],
    ]);
  });

  test('a deleted checkpoint loses nothing and doubles nothing', async () => {
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    await bench.run('evento');
    await bench.remove('lake/_checkpoints/evento');
    await bench.parquet('b.parquet', [event('e2', '10:00', 'u2', 'Bia')]);
    expect(await bench.run('evento')).toMatchObject({ files: 2, inserted: 1, duplicates: 1 });
    expect(await bench.pairs(TABLE)).toEqual([
      ['e1', 'Ana'],
      ['e2', 'Bia'],
    ]);
  });

  test('mends a manifest and a catalog entry that were taken away', async () => {
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    await bench.run('evento');
    await bench.remove('lake/_catalog/usuarios/usuario_evento.json');
    await bench.remove(`lake/usuarios/${TABLE}/_symlink_format_manifest.state.json`);
    await bench.remove(`lake/usuarios/${TABLE}/_symlink_format_manifest`);
    expect(await bench.run('evento')).toMatchObject({ batches: 0, version: 1 });
    const { listed, live } = await bench.manifest(TABLE);
    expect(listed).toEqual(live);
    expect(await bench.names('lake/_catalog/usuarios')).toContain('usuario_evento.json');
  });

  test.each([[[]], [['codigo_usuario']]])(
    'writes a manifest again that was deleted, of a table partitioned by %j',
    async (partitionBy) => {
      const { source, keys, sink } = present(USUARIOS.jobs['evento'], 'the job');
      const parts = partitionBy.length === 0 ? {} : { partitionBy };
      const jobs = { evento: { source, keys, sink: { ...sink, ...parts } } };
      const own = await JobBench.open({ ...USUARIOS, jobs });
      try {
        await own.parquet('a.parquet', [
          event('e1', '10:00', 'u1', 'Ana'),
          event('e2', '10:00', 'u2', 'Bia'),
        ]);
        await own.run('evento');
        const folder = partitionBy.length === 0 ? '' : '/codigo_usuario=u1';
        await own.remove(`lake/usuarios/${TABLE}/_symlink_format_manifest${folder}/manifest`);
        expect(await own.run('evento')).toMatchObject({ batches: 0, version: 1 });
        const { listed, live } = await own.manifest(TABLE);
        expect(listed).toHaveLength(live.length);
      } finally {
        await own.close();
      }
    },
  );
});

describe('bad input', () => {
  test('goes to the rejected place, with its reason, while the good goes on', async () => {
    await bench.parquet('good.parquet', [
      event('e1', '10:00', 'u1', 'Ana'),
      event(null, '10:00', 'u1', 'no key'),
      event('', '10:00', 'u1', 'empty key'),
    ]);
    await bench.putBytes('bad.jsonl', '{"id":"e2","nome_usuario":"Bia"}\nnot json\n{"id":null}\n');
    await bench.putBytes('text.parquet', 'this is no Parquet file at all, and long enough to tell');
    const result = await bench.run('evento');
    expect(result).toMatchObject({ inserted: 2, rejectedRows: 4, rejectedFiles: 1, rowsIn: 6 });
    expect(result.rejectedLocation).toMatch(/_rejected\/evento$/);
    const text = await bench.text('lake/_rejected/evento/batch-0.jsonl');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toHaveLength(5);
    expect(lines).toContainEqual({
      path: expect.stringMatching(/samples\/bad\.jsonl$/),
      row: 1,
      code: 'INPUT_BAD_LINE',
      reason: expect.stringContaining('not JSON'),
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ row: null, code: 'PARQUET_NOT_PARQUET' }),
    );
    expect(await bench.run('evento')).toMatchObject({ batches: 0 });
  });

  test('a truncated file is tried again, then rejected, and taken once it is whole', async () => {
    await bench.parquet('whole.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    const bytes = (await bench.store(`file://${bench.folder}/samples`).get('whole.parquet')).bytes;
    await bench.remove('samples/whole.parquet');
    await bench.putBytes('t.parquet', bytes.subarray(0, bytes.length - 20));
    expect(await bench.run('evento')).toMatchObject({ batches: 0, deferredFiles: 1 });
    expect(await bench.run('evento')).toMatchObject({ batches: 1, rejectedFiles: 1, version: 0 });
    expect(await bench.run('evento')).toMatchObject({ batches: 0, deferredFiles: 0 });
    await bench.putBytes('t.parquet', bytes);
    expect(await bench.run('evento')).toMatchObject({ batches: 1, inserted: 1 });
  });

  test('a text file that ends inside a line can still grow; if it does not, its whole lines are taken', async () => {
    const [first, second] = ['{"id":"e1"}\n{"id":"e', '2"}\n{"id":"e3"}\n'];
    await bench.putBytes('grows.jsonl', first);
    await bench.putBytes('torn.jsonl', '{"id":"f1"}\n{"id":"f');
    expect(await bench.run('evento')).toMatchObject({ files: 0, deferredFiles: 2, inserted: 0 });
    await bench.putBytes('grows.jsonl', first + second);
    expect(await bench.run('evento')).toMatchObject({ files: 2, inserted: 4, rejectedRows: 1 });
    expect(await bench.run('evento')).toMatchObject({ batches: 0 });
  });

  test('a file without a column or with another type is rejected at once', async () => {
    await bench.putBytes('less.parquet', await parquetOf('id STRING', [{ id: 'a' }]));
    await bench.putBytes(
      'type.parquet',
      await parquetOf(
        'id BIGINT, data_hora_evento TIMESTAMP, codigo_usuario STRING, nome_usuario STRING',
        [{ id: 1n }],
      ),
    );
    expect(await bench.run('evento')).toMatchObject({
      rejectedFiles: 2,
      deferredFiles: 0,
      inserted: 0,
    });
  });

  test.each([
    ['evento', 'vanishes'],
    ['evento', 'changes'],
    ['merge', 'vanishes'],
    ['merge', 'changes'],
  ])('%s: a file that %s while it is read stops none of the others', async (job, what) => {
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    await bench.parquet('b.parquet', [event('e2', '10:00', 'u2', 'Bia')]);
    let done = false;
    const disturb = (): void => {
      if (done) return;
      done = true;
      const file = `${bench.folder}/samples/b.parquet`;
      if (what === 'vanishes') rmSync(file);
      else writeFileSync(file, 'not Parquet any more, but long enough to be told from it');
    };
    const result = await bench.run(job, {
      onProgress: ({ step }) => {
        if (step === 'read') disturb();
      },
    });
    expect(result).toMatchObject({ batches: 1, files: 1, inserted: 1, deferredFiles: 1 });
    expect(await bench.run(job)).toMatchObject({ batches: 1, files: 0, rejectedFiles: 1 });
    expect(await bench.run(job)).toMatchObject({ batches: 0 });
  });

  test.each(['evento', 'merge'])(
    '%s: a file with a whole footer and broken pages stops none of the others',
    async (job) => {
      await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
      const names = Array.from({ length: 50 }, (_, index) =>
        event(`x${index}`, '10:00', 'u9', 'x'),
      );
      await bench.parquet('b.parquet', names);
      const file = `${bench.folder}/samples/b.parquet`;
      const bytes = readFileSync(file);
      bytes.fill(0xff, 4, bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8));
      writeFileSync(file, bytes);
      expect(await bench.run(job)).toMatchObject({ files: 1, inserted: 1, deferredFiles: 1 });
      expect(await bench.run(job)).toMatchObject({ batches: 1, files: 0, rejectedFiles: 1 });
      expect(await bench.run(job)).toMatchObject({ batches: 0 });
    },
  );

  test('is an error for a strict job, before anything is committed', async () => {
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    await bench.lines('b.jsonl', [event(null, '10:00', 'u1', 'no key')]);
    await expect(bench.run('evento', { strict: true })).rejects.toMatchObject({
      code: 'JOB_REJECTED',
    });
    expect((await bench.snapshot(TABLE)).version).toBe(0);
    expect(await bench.names('lake/_checkpoints/evento/offsets')).toEqual([]);
    expect(await bench.run('evento')).toMatchObject({ inserted: 1, rejectedRows: 1 });
  });
});

describe('batches', () => {
  test('keep to their limit, and a run takes as many as needed', async () => {
    const bounded = await JobBench.open({
      lake: { location: 'lake' },
      database: 'usuarios',
      jobs: {
        evento: {
          source: { kind: 'files', location: 'samples', schema: 'id STRING', maxFilesPerBatch: 2 },
          dropDuplicates: { columns: ['id'], against: 'table' },
          sink: { kind: 'append', table: TABLE },
        },
      },
    });
    try {
      for (let index = 0; index < 5; index += 1) {
        await bounded.putBytes(`${index}.jsonl`, `{"id":"e${index}"}\n{"id":"same"}\n`);
      }
      expect(await bounded.run('evento')).toMatchObject({
        batches: 3,
        files: 5,
        inserted: 6,
        duplicates: 4,
        version: 3,
      });
      expect(await bounded.names('lake/_catalog/usuarios')).toEqual([`${TABLE}.json`]);
    } finally {
      await bounded.close();
    }
  });

  test('of two runs at once, each id enters once and neither leaves the job stuck', async () => {
    for (let index = 0; index < 4; index += 1) {
      await bench.parquet(`${index}.parquet`, [
        event(`e${index}`, '10:00', 'u1', 'x'),
        event('same', '10:00', 'u1', 'x'),
      ]);
    }
    const results = await Promise.allSettled([bench.run('evento'), bench.run('evento')]);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({ code: 'JOB_CONCURRENT' });
      }
    }
    await bench.run('evento');
    const ids = (await bench.pairs(TABLE)).map(([id]) => id);
    expect(ids).toEqual(['e0', 'e1', 'e2', 'e3', 'same']);
  });

  test('a table that was put in the place of the old one is refused', async () => {
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    await bench.run('evento');
    await bench.remove(`lake/usuarios/${TABLE}`);
    await expect(bench.run('evento')).rejects.toMatchObject({ code: 'JOB_TABLE_REPLACED' });
    await bench.remove('lake/_checkpoints/evento');
    expect(await bench.run('evento')).toMatchObject({ inserted: 1 });
  });

  test('a batch that the table holds from another plan is refused', async () => {
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    await bench.run('evento');
    await bench.remove('lake/_checkpoints/evento/commits/0');
    const offsets = await bench.text('lake/_checkpoints/evento/offsets/0');
    const store = bench.store(`file://${bench.folder}/lake/_checkpoints/evento`);
    await store.put(
      'offsets/0',
      Buffer.from(offsets.replace(/"batchTimestampMs":\d+/, '"batchTimestampMs":1')),
      {
        kind: 'overwrite',
      },
    );
    await expect(bench.run('evento')).rejects.toMatchObject({ code: 'JOB_BATCH_MISMATCH' });
  });

  test('a table made by another engine gets the columns and properties it lacks', async () => {
    await createTable(bench.table(TABLE), {
      schema: parseDdl('nome_usuario STRING, id STRING'),
      properties: { 'delta.logRetentionDuration': 'interval 3 days' },
    });
    await bench.parquet('a.parquet', [event('e1', '10:00', 'u1', 'Ana')]);
    expect(await bench.run('evento')).toMatchObject({ inserted: 1 });
    const snapshot = await bench.snapshot(TABLE);
    expect(snapshot.schema.fields.map(({ name }) => name)).toEqual([
      'nome_usuario',
      'id',
      'data_hora_evento',
      'codigo_usuario',
    ]);
    expect(snapshot.metadata.configuration).toEqual({
      'delta.compatibility.symlinkFormatManifest.enabled': 'true',
      'delta.logRetentionDuration': 'interval 3 days',
    });
    expect(await bench.rows(TABLE)).toEqual([
      {
        nome_usuario: 'Ana',
        id: 'e1',
        data_hora_evento: '2025-01-10T10:00:00.000000Z',
        codigo_usuario: 'u1',
      },
    ]);
  });

  test('a table with another type in a column of the job is refused', async () => {
    await createTable(bench.table(TABLE), { schema: parseDdl('id BIGINT') });
    await expect(bench.run('evento')).rejects.toMatchObject({ code: 'JOB_TABLE_MISMATCH' });
  });
});
