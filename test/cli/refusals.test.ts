/** Bad situations: one line that says what and where, the documented exit code, nothing half-written. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CONFIG, deltawright } from './command.ts';

let folder = '';

const PROTOCOL = '{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}';
const FUTURE =
  '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["novidade"],"writerFeatures":["novidade"]}}';
const SCHEMA = JSON.stringify({
  type: 'struct',
  fields: [{ name: 'id', type: 'long', nullable: true, metadata: {} }],
});
const METADATA = JSON.stringify({
  metaData: {
    id: 'f0b0a6b4-6f6b-4a53-9b8c-0c6f1a1c7e10',
    format: { provider: 'parquet', options: {} },
    schemaString: SCHEMA,
    partitionColumns: [],
    configuration: {},
    createdTime: 0,
  },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
  const table = `${PROTOCOL}\n${METADATA}\n`;
  await logOf('boa', [table]);
  await logOf('rasgada', [table, '{"add":{"path":']);
  await logOf('furada', [table, null, `${METADATA}\n`]);
  await logOf('futura', [`${FUTURE}\n${METADATA}\n`]);
  const files: Record<string, string> = {
    'deltawright.config.ts': CONFIG,
    'sintaxe.ts': 'export default {\n  lake: {,\n};\n',
    'chave.ts': CONFIG.replace('keys:', 'chaves:'),
    'vazia.ts': 'export const nada = 1;\n',
    'tipos.jsonl': '{"id":1}\n\n{"id":"dois"}\n',
    'rasgado.jsonl': '{"id":1}\n{"id":\n',
    'outra-coluna.jsonl': '{"id":1,"nome":"Inês"}\n',
    'latin1.parquet': 'not Parquet at all',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A table of hand-made commits; null leaves one out. */
async function logOf(name: string, commits: readonly (string | null)[]): Promise<void> {
  const log = join(folder, name, '_delta_log');
  await mkdir(log, { recursive: true });
  for (const [version, text] of commits.entries()) {
    const file = `${String(version).padStart(20, '0')}.json`;
    if (text !== null) await writeFile(join(log, file), text);
  }
}

interface Refusal {
  readonly args: readonly string[];
  readonly code: string;
  readonly exit: number;
  /** What the line must say besides. */
  readonly says: RegExp;
}

function refusal(args: string, code: string, exit: number, says: RegExp): Refusal {
  return {
    args: [...args.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ''),
    code,
    exit,
    says,
  };
}

describe.concurrent('one line, one code', () => {
  test.each([
    refusal('read ./nada', 'TABLE_NOT_FOUND', 2, /file:\/\/.*\/nada/),
    refusal('read nada', 'TABLE_UNKNOWN', 2, /vendas\.nada/),
    refusal('read boa --config nenhuma.ts', 'CONFIG_NOT_FOUND', 2, /nenhuma\.ts/),
    refusal('tables --config sintaxe.ts', 'CONFIG_BROKEN', 2, /sintaxe\.ts line=2/),
    refusal('tables --config chave.ts', 'CONFIG_UNKNOWN_KEY', 2, /jobs\.pedidos\.chaves/),
    refusal('tables --config vazia.ts', 'CONFIG_NO_EXPORT', 2, /vazia\.ts/),
    refusal('run nada', 'JOB_UNKNOWN', 2, /pedidos/),
    refusal('run pedidos --once --every 1', 'USAGE', 2, /--once.*--every/),
    refusal('run pedidos --every 1 --continuous', 'USAGE', 2, /--every.*--continuous/),
    refusal('run pedidos --every 0', 'USAGE', 2, /--every.*seconds are wanted/),
    refusal('run pedidos --grace logo', 'USAGE', 2, /--grace.*seconds are wanted/),
    refusal('run pedidos --health 99999', 'USAGE', 2, /--health.*a port is wanted/),
    refusal('read ./rasgada', 'LOG_CORRUPT', 3, /0001\.json.*line=1 .*\/rasgada/),
    refusal('read ./furada', 'LOG_GAP', 3, /version=1 .*\/furada/),
    refusal('show ./futura', 'FEATURE_UNSUPPORTED', 6, /novidade.*\/futura/),
    refusal('append ./futura tipos.jsonl', 'FEATURE_UNSUPPORTED', 6, /novidade/),
    refusal('read ./boa --columns nome', 'COLUMN_UNKNOWN', 2, /nome/),
    refusal('read ./boa --where "nome = 1"', 'EXPRESSION_NO_COLUMN', 2, /nome/),
    refusal('files ./boa --where "nome = 1"', 'EXPRESSION_NO_COLUMN', 2, /nome/),
    refusal('read ./boa --where "id >"', 'EXPRESSION_SYNTAX', 2, /id >/),
    refusal('read ./boa --version 7', 'VERSION_NOT_FOUND', 2, /0 to 0/),
    refusal('read ./boa --version 0 --timestamp 2026-01-01', 'USAGE', 2, /--timestamp/),
    refusal('read ./boa --limit muitas', 'USAGE', 2, /whole number/),
    refusal('reed ./boa', 'USAGE', 2, /Did you mean read/),
    refusal('sql "SELECT * FROM nada"', 'TABLE_UNKNOWN', 2, /vendas\.nada/),
    refusal('sql "DROP TABLE nada"', 'QUERY_INVALID', 2, /SELECT/),
    refusal('sql "SELECT nada"', 'ENGINE_SQL', 2, /nada/),
    refusal('append ./boa ausente.jsonl', 'SOURCE_MISSING', 2, /ausente\.jsonl/),
    refusal('append ./boa deltawright.config.ts', 'SOURCE_UNKNOWN', 2, /config\.ts/),
    refusal('append ./boa tipos.jsonl', 'SOURCE_BAD_VALUE', 3, /line 3 of tipos\.jsonl.*"dois"/),
    refusal('append ./boa rasgado.jsonl', 'INPUT_BAD_LINE', 3, /line 2 of rasgado\.jsonl/),
    refusal('append ./boa outra-coluna.jsonl', 'SOURCE_BAD_VALUE', 3, /column nome/),
    refusal('append ./boa latin1.parquet', 'PARQUET_NOT_PARQUET', 3, /latin1\.parquet/),
    refusal('create ./boa --schema "id bigint"', 'TABLE_EXISTS', 2, /\/boa/),
    refusal('create ./x --schema "id bigin"', 'SCHEMA_TYPE_SYNTAX', 2, /bigin/),
    refusal('register ./boa --as a --virtual b', 'MANIFEST_DISABLED', 2, /\/boa/),
    refusal('show ftp://x/y', 'STORE_BAD_URI', 2, /ftp:/),
  ])('$code: deltawright $args', async ({ args, code, exit, says }) => {
    const outcome = await deltawright(folder, args);
    expect(outcome).toMatchObject({ code: exit, stdout: '' });
    expect(outcome.stderr).toMatch(new RegExp(`^deltawright: ${code}: .*\\n$`));
    expect(outcome.stderr).toMatch(says);
  });
});

test('a refused write leaves the table and its folder as they were', async () => {
  expect(await readdir(join(folder, 'boa'))).toEqual(['_delta_log']);
  expect(await readdir(join(folder, 'boa', '_delta_log'))).toEqual(['00000000000000000000.json']);
  expect(await readdir(folder)).not.toContain('x');
});

test('an endpoint where nobody listens is told at once', async () => {
  const outcome = await deltawright(folder, ['show', 's3://balde/t'], {
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${String(await closedPort())}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
    },
  });
  expect(outcome).toMatchObject({ code: 4, stdout: '' });
  expect(outcome.stderr).toMatch(/^deltawright: STORE_NO_ENDPOINT: .*s3:\/\/balde\/t.*\n$/);
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return typeof address === 'object' && address !== null ? address.port : 0;
}
