/** The main job on S3 and Glue, and what Trino, Presto and delta-rs see of it. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { openTable, type Row } from 'deltawright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EngineProcess, query, required, startPeers } from './engines.ts';

const run = promisify(execFile);
const bucket = `lago-${randomUUID().slice(0, 8)}`;
const lake = `s3://${bucket}/lago de testes`;
const database = `teste_${randomUUID().slice(0, 8)}`;
const env = {
  ...process.env,
  DELTAWRIGHT_LAKE: lake,
  DELTAWRIGHT_CATALOG: 'glue',
  DELTAWRIGHT_DATABASE: database,
};
const storage = {
  AWS_ENDPOINT_URL: process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'] ?? '',
  AWS_ALLOW_HTTP: 'true',
  AWS_REGION: process.env['AWS_REGION'] ?? 'us-east-1',
};
let peers: EngineProcess;

async function deltawright(...args: string[]): Promise<string> {
  const cli = ['dist/cli/main.js', ...args, '--config', 'fixtures/deltawright.config.ts'];
  return (await run(process.execPath, cli, { env, maxBuffer: 1 << 26 })).stdout;
}

const EVENTS = ['id', 'data_hora_evento', 'codigo_usuario', 'nome_usuario'] as const;
const USERS = ['codigo_usuario', 'nome_usuario', 'data_hora_evento'] as const;

/** The rows as texts, times in milliseconds since the epoch, sorted. */
function canonical(rows: readonly (readonly unknown[])[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** How an engine that keeps milliseconds makes them of our microseconds. */
const MILLISECONDS = {
  Trino: (micros: bigint) => (micros + 500n) / 1000n,
  Presto: (micros: bigint) => micros / 1000n,
} as const;

async function ours(
  engine: 'Trino' | 'Presto',
  table: string,
  columns: readonly string[],
): Promise<string[]> {
  const opened = await openTable(`${lake}/${database}/${table}`);
  const rows: unknown[][] = [];
  for await (const row of opened.scan({ columns: [...columns] })) {
    rows.push(columns.map((column) => cell(engine, row, column)));
  }
  await opened.close();
  return canonical(rows);
}

function cell(engine: 'Trino' | 'Presto', row: Row, column: string): unknown {
  const value = row[column] ?? null;
  if (column !== 'data_hora_evento' || typeof value !== 'string') return value;
  const [, seconds = '', fraction = ''] = /^(.*)\.(\d{6})Z$/.exec(value) ?? [];
  const micros = BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction);
  return String(MILLISECONDS[engine](micros));
}

async function theirs(
  engine: 'Trino' | 'Presto',
  table: string,
  columns: readonly string[],
): Promise<string[]> {
  const url = required(engine === 'Trino' ? 'TRINO_URL' : 'PRESTO_URL');
  const list = columns.map((column) =>
    column === 'data_hora_evento'
      ? `CAST(CAST(round(to_unixtime(${column}) * 1000) AS bigint) AS varchar)`
      : column,
  );
  return canonical(await query(engine, url, `SELECT ${list.join(', ')} FROM ${table}`));
}

beforeAll(async () => {
  peers = startPeers();
  const s3 = new S3Client({ forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  s3.destroy();
});

afterAll(async () => {
  await peers.stop();
});

describe('the usuarios pipeline on S3 and Glue', () => {
  it('runs both jobs, and a second run commits nothing', async () => {
    const first = await deltawright('run', 'usuario-evento', 'usuario-merge');
    expect(first).toMatch(/usuario-evento/);
    const before = await deltawright('history', 'usuario_delta', '--json');
    await deltawright('run', 'usuario-evento', 'usuario-merge');
    expect(await deltawright('history', 'usuario_delta', '--json')).toBe(before);
  });

  for (const table of ['usuario_evento_delta', 'usuario_delta']) {
    it(`delta-rs reads ${table} with our checksum`, async () => {
      const mine = JSON.parse(await deltawright('checksum', table, '--json')) as {
        rows: number;
        sha256: string;
      };
      expect(mine.rows).toBeGreaterThan(0);
      const uri = `${lake}/${database}/${table}`;
      expect(await peers.checksum({ engine: 'deltars', uri, storage })).toEqual({
        rows: mine.rows,
        sha256: mine.sha256,
      });
    });
  }

  const engines = process.env['PRESTO_URL'] === undefined ? ['Trino'] : ['Trino', 'Presto'];
  for (const engine of engines as ('Trino' | 'Presto')[]) {
    for (const [native, virtual, columns] of [
      ['usuario_evento_delta', 'usuario_evento', EVENTS],
      ['usuario_delta', 'usuario', USERS],
    ] as const) {
      it(`${engine} reads the native ${native} and the virtual ${virtual}, row for row`, async () => {
        const expected = await ours(engine, native, columns);
        expect(await theirs(engine, `delta.${database}.${native}`, columns)).toEqual(expected);
        expect(await theirs(engine, `hive.${database}.${virtual}`, columns)).toEqual(expected);
      });
    }
  }
});
