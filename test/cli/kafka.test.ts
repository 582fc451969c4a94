/** Jobs of topics, as a person runs them: what is printed, and what can be asked then. */

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { deltawright, jsonLines, withFolder } from './command.ts';

const CONFIG = `const source = {
  kind: 'kafka',
  topics: ['vendas'],
  value: { format: 'json', schema: 'loja STRING, valor DECIMAL(10,2)' },
  headers: 'id STRING',
};
export default {
  lake: { location: 'lake' },
  database: 'd',
  kafka: { recorded: 'gravado' },
  views: {
    por_loja: 'SELECT loja, sum(valor) AS total FROM vendas GROUP BY loja',
    maior: 'SELECT * FROM por_loja ORDER BY total DESC LIMIT 1',
  },
  jobs: {
    vendas: {
      source,
      keys: ['id'],
      dropDuplicates: { columns: ['id'], against: 'table' },
      transform: { select: ['id', 'payload.*'] },
      sink: { kind: 'append', table: 'vendas' },
    },
    pasta: { source, sink: { kind: 'parquet', partitionBy: ['topic'] } },
    aviso: { source, sink: { kind: 'kafka', topic: 'avisos', value: { format: 'json' } } },
  },
};
`;

const VALUES = [
  ['a', '{"loja":"Sé","valor":10.5}'],
  ['b', '{"loja":"Lapa","valor":3.25}'],
  ['b', '{"loja":"Lapa","valor":3.25}'],
  ['c', '{"loja":"Sé","valor":1}'],
  ['d', '{"loja":'],
] as const;

async function withTopic(use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await writeFile(join(folder, 'deltawright.config.ts'), CONFIG);
    const topic = join(folder, 'gravado/topics/vendas');
    await mkdir(topic, { recursive: true });
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const lines = VALUES.map(([id, value], offset) =>
      JSON.stringify({
        offset,
        timestamp: 1_795_000_000_000,
        key: null,
        value: base64(value),
        headers: [['id', base64(id)]],
      }),
    );
    await writeFile(join(topic, '0.ndjson'), `${lines.join('\n')}\n`);
    await use(folder);
  });
}

test('a run tells of messages, and of those it could not read, and then finds nothing', async () => {
  await withTopic(async (folder) => {
    const first = await deltawright(folder, ['run', 'vendas', 'pasta', 'aviso']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(
      new RegExp(
        '^vendas → d\\.vendas, version 1\\n' +
          ' {2}messages +\\d+ B in 1 batch\\n' +
          ' {2}rows in +5\\n {2}duplicates +1\\n {2}inserted +3\\n {2}updated +0\\n' +
          ' {2}rejected +1 row, 0 files\\n' +
          ' {2}listed in +file:///.*/lake/_rejected/vendas\\n {2}time .*\\n' +
          'pasta → file:///.*/lake/pasta\\n {2}messages [^]*inserted +4\\n[^]*' +
          'aviso → avisos\\n {2}messages [^]*posted +4 messages\\n',
      ),
    );
    expect(await readdir(join(folder, 'lake/_rejected/vendas/batch-0'))).toEqual([
      'vendas-0.parquet',
    ]);
    const second = await deltawright(folder, ['run', 'vendas', 'pasta', 'aviso', '--json']);
    expect(jsonLines(second.stdout)).toMatchObject([
      { job: 'vendas', batches: 0, version: 1 },
      { job: 'pasta', batches: 0, version: null },
      { job: 'aviso', batches: 0, posted: 0 },
    ]);
  });
});

test('sql knows views, of tables and of each other', async () => {
  await withTopic(async (folder) => {
    await deltawright(folder, ['run', 'vendas']);
    const csv = (query: string): ReturnType<typeof deltawright> =>
      deltawright(folder, ['sql', query, '--format', 'csv']);
    expect(await csv('FROM por_loja ORDER BY loja')).toMatchObject({
      code: 0,
      stdout: 'loja,total\nLapa,3.25\nSé,11.50\n',
    });
    expect(await csv('SELECT loja FROM maior')).toMatchObject({ stdout: 'loja\nSé\n' });
  });
});

test('a run says which secret is missing, and ends as a wrong configuration does', async () => {
  await withTopic(async (folder) => {
    const config = CONFIG.replace(
      /kafka: .*/,
      `kafka: { recorded: 'gravado' },
  registry: { url: 'http://127.0.0.1:1', auth: { token: { env: 'SENHA_DO_REGISTRO' } } },`,
    ).replace(/value: .*/, `value: { format: 'avro' },`);
    await writeFile(join(folder, 'deltawright.config.ts'), config);
    const outcome = await deltawright(folder, ['run', 'vendas']);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/^deltawright: SECRET_MISSING: .*SENHA_DO_REGISTRO.*\n$/);
  });
});
