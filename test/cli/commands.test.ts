/** Every command, as a person calls it, in one folder and in this order. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { CONFIG, deltawright, jsonLines } from './command.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
  await writeFile(join(folder, 'deltawright.config.ts'), CONFIG);
  await writeFile(
    join(folder, 'pessoas.jsonl'),
    '{"id":1,"nome":"Inês"}\n\n{"id":9007199254740993,"nome":"José, \\"o\\" velho"}\n',
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the command printed; it must have succeeded without a word on standard error. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await deltawright(folder, args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

/** What the command printed with `--json`, line by line. */
async function json(...args: string[]): Promise<unknown[]> {
  return jsonLines(await printed(...args, '--json'));
}

test('the commands of the README do what it says', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, block = ''] = /## The command line[^]*?```sh\n([^]*?)```/.exec(readme) ?? [];
  const outputs: string[] = [];
  for (const line of block.trim().split('\n')) {
    const [command, ...words] = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    );
    expect(command).toBe('deltawright');
    outputs.push(await printed(...words));
  }
  const [create, append, merge, read, files, history, checksum, optimize, doctor, ...last] =
    outputs;
  expect(create).toMatch(/^file:\/\/.*\/lake\/pessoas: version 0\n$/);
  expect(append).toMatch(/^version 1: 2 rows in 1 file, \d+ B\n$/);
  expect(merge).toBe('version 1: 0 rows updated, 0 deleted, 0 inserted\n');
  expect(read).toBe('id,nome\n9007199254740993,"José, ""o"" velho"\n');
  expect(files).toMatch(/id: 1 … 9007199254740993; nome: Inês … José/);
  expect(history).toMatch(/^1 .* WRITE [^]*\n0 .* CREATE TABLE/m);
  expect(checksum).toMatch(/^[0-9a-f]{64} {2}2 rows, version 1\n$/);
  expect(optimize).toBe('version 1: nothing to pack\n');
  expect(doctor).toMatch(/^committed by +files put where there are none, on local disk\n/m);
  expect(doctor).toMatch(
    /^writer +deltawright\/[^:]+: 2 commits, the last is 1\nnothing is wrong\n$/m,
  );
  const [copyInto, erase, ...others] = last;
  expect(copyInto).toBe('version 2: 1 file loaded, 2 rows; 0 skipped, 0 rejected\n');
  expect(erase).toMatch(/^before: live [^]*\n2 files would be rewritten, 0 deleted\n/);
  expect(others).toEqual([]);
});

test('doctor tells what is wrong, mends what is safe, and ends with 3 where errors are left', async () => {
  const table = './doente';
  await json('create', table, '--schema=id bigint, nome string');
  await json('append', table, './pessoas.jsonl');
  const log = join(folder, table, '_delta_log');
  await writeFile(join(log, '_last_checkpoint'), '{"version":');
  await writeFile(join(folder, table, 'sobra.parquet'), '12345');
  const told = await printed('doctor', table);
  expect(told).toMatch(/^warning: HINT_BROKEN: .*\n {2}to do: /m);
  expect(told).toMatch(/^note: ORPHANS: .*: sobra\.parquet \(1 file, 5 B\)\n/m);
  expect(await printed('doctor', table, '--repair')).toMatch(/^ {2}repaired: deleted the hint/m);
  const [files] = await json('files', table);
  await rm(join(folder, table, (files as { path: string }).path));
  const { code, stdout, stderr } = await deltawright(folder, ['doctor', table, '--json']);
  expect({ code, stderr }).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('TABLE_UNSOUND'),
  });
  expect(jsonLines(stdout)).toMatchObject([
    {
      version: 1,
      commitWay: 'local',
      findings: [{ code: 'FILES_MISSING', repair: null }, { code: 'ORPHANS' }],
      orphans: [{ path: 'sobra.parquet', bytes: 5 }],
    },
  ]);
});

test('optimize packs small files, and says before what it would do', async () => {
  const table = './miudos';
  await json('create', table, '--schema=id bigint, nome string');
  for (let i = 0; i < 2; i += 1) await json('append', table, './pessoas.jsonl');
  const would = await printed('optimize', table, '--dry-run');
  expect(would).toMatch(/^version 2: would be done: 2 files, [\d.]+ \w+, packed into 1\n$/);
  expect(await json('optimize', table, '--target-size', '1mb', '--sort-by', 'id')).toMatchObject([
    { kind: 'committed', version: 3, commits: 1, filesAdded: 1, filesRemoved: 2, binsLost: 0 },
  ]);
  expect(await json('optimize', table, '--zorder-by', 'id,nome')).toMatchObject([
    { kind: 'committed', version: 4, filesAdded: 1, filesRemoved: 1 },
  ]);
  expect(await json('optimize', table, '--purge')).toMatchObject([
    { kind: 'unchanged', version: 4 },
  ]);
  const wrong = await deltawright(folder, ['optimize', table, '--target-size=muito']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('SIZE_INVALID') });
});

test('alter changes columns and constraints', async () => {
  const table = './colunas';
  await json('create', table, '--schema=id bigint not null, nome string');
  await json('append', table, './pessoas.jsonl');
  const named = '--set=delta.columnMapping.mode=name';
  await json('alter', table, named, '--rename-column=nome=quem', '--add-constraint=ids=id > 0');
  const added = ['--add-column=n int after id', '--add-column=d date first', '--comment=n=quantos'];
  const changed = ['--set-default=n=7', '--drop-not-null=id', '--drop-column=quem'];
  await json('alter', table, ...added, ...changed);
  await writeFile(join(folder, 'so-id.jsonl'), '{"id":9}\n');
  await json('append', table, './so-id.jsonl');
  expect(await printed('read', table, '--format=csv')).toMatch(/^d,id,n\n(?:[^]*\n)?,9,7\n/);
  const wrong = await deltawright(folder, ['alter', table, '--set-not-null=n']);
  expect(wrong.stderr).toContain('RULE_VIOLATED');
  const odd = await deltawright(folder, ['alter', table, '--add-column=n']);
  expect(odd.stderr).toContain('NAME TYPE');
});

test('overwrite replaces all rows, those of a condition, or those of keys', async () => {
  const table = './trocados';
  await json('create', table, '--schema=id bigint, nome string');
  await json('append', table, './pessoas.jsonl');
  expect(await json('overwrite', table, './pessoas.jsonl', '--keys', 'id')).toMatchObject([
    { kind: 'committed', version: 2, rows: 2, files: 1, filesRemoved: 1 },
  ]);
  expect(await printed('overwrite', table, './pessoas.jsonl')).toMatch(
    /^version 3: 2 rows came, 1 file went, 1 file written, \d+ B\n$/,
  );
  const wrong = await deltawright(folder, ['overwrite', table, './pessoas.jsonl', '--where=id=1']);
  expect(wrong.stderr).toContain('REPLACE_MISMATCH');
  expect(wrong.code).not.toBe(0);
});

test('create by name, with partitions and properties, registers the table', async () => {
  const create = [
    'create',
    'clientes',
    '--schema=cliente string, dia date',
    '--partition-by=dia',
    '--property=delta.compatibility.symlinkFormatManifest.enabled=true',
    '--description=quem compra',
    '--if-not-exists',
  ];
  expect(await json(...create)).toEqual([
    { table: expect.stringMatching(/o%20lago\/%C3%A9\/vendas\/clientes$/), version: 0 },
  ]);
  const [table] = await json('show', 'vendas.clientes');
  expect(table).toMatchObject({
    version: 0,
    columns: [
      { name: 'cliente', type: 'string', nullable: true },
      { name: 'dia', type: 'date', nullable: true },
    ],
    description: 'quem compra',
    createdAt: expect.stringMatching(/^20\d\d-/),
    partitionColumns: ['dia'],
    clusteringColumns: [],
    tableFeatures: ['appendOnly', 'invariants'],
    files: 0,
  });
});

test('append takes folders, and merge its clauses', async () => {
  await mkdir(join(folder, 'novos clientes +%'));
  await writeFile(
    join(folder, 'novos clientes +%', 'à.jsonl'),
    '{"cliente":"Inês","dia":"2026-01-01"}\n{"CLIENTE":"Zoë","dia":null}\n',
  );
  await writeFile(join(folder, 'novos clientes +%', '_oculto.jsonl'), 'not taken');
  expect(await json('append', 'clientes', './novos clientes +%')).toEqual([
    { kind: 'committed', version: 1, rows: 2, files: 2, bytes: expect.any(Number) },
  ]);
  await writeFile(join(folder, 'muda.jsonl'), '{"cliente":"Zoë"}\n{"cliente":"Ana"}\n');
  const merge = ['merge', 'clientes', '--using', 'muda.jsonl', '--on', 't.cliente = s.cliente'];
  expect(await json(...merge, '--delete', `s.cliente = 'Zoë'`)).toEqual([
    expect.objectContaining({ version: 2, deleted: 1, updated: 0, inserted: 0, filesRemoved: 1 }),
  ]);
  const gone = [...merge, '--delete-by-source', `t.cliente = 'Inês'`, '--max-memory', '64mb'];
  expect(await json(...gone, '--dry-run')).toEqual([
    {
      version: 2,
      fileCount: 1,
      files: [expect.objectContaining({ action: 'rewrite', updatedCount: 0, deletedCount: 1 })],
    },
  ]);
});

test('merge takes rows of other tables, at a version, and of queries', async () => {
  await json('create', 'copia', '--schema=cliente string, dia date');
  const merge = ['merge', 'copia', '--on', 't.cliente = s.cliente'];
  expect(await json(...merge, '--using-table', 'clientes@1')).toEqual([
    expect.objectContaining({ inserted: 2, updated: 0 }),
  ]);
  const query = `SELECT cliente, DATE '2026-02-01' AS dia FROM clientes LIMIT 1`;
  expect(await json(...merge, '--using-sql', query)).toEqual([
    expect.objectContaining({ inserted: 0, updated: 1 }),
  ]);
  const { code, stderr } = await deltawright(folder, merge);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('SOURCE_MISSING') });
});

test('read and files go back in time and skip', async () => {
  expect(await json('read', 'clientes', '--version', '1', '--where', 'dia IS NULL')).toEqual([
    { cliente: 'Zoë', dia: null },
  ]);
  expect(await printed('read', 'clientes', '--columns', 'dia', '--limit', '5')).toBe(
    'dia\n----------\n2026-01-01\n(1 row)\n',
  );
  expect(
    await json('files', 'clientes', '--version', '1', '--where', `dia > '2025-12-31'`),
  ).toEqual([expect.objectContaining({ partition: { dia: '2026-01-01' }, rows: 1 })]);
});

test('the time that history shows is one that --timestamp takes', async () => {
  const entries = await json('history', 'clientes', '--limit', '2');
  expect(entries).toMatchObject([{ version: 2, operation: 'MERGE' }, { version: 1 }]);
  const [, { time }] = entries as [unknown, { time: string }];
  expect(await json('checksum', 'clientes', '--timestamp', time)).toMatchObject([
    { version: 1, rows: 2 },
  ]);
});

test('manifest and register publish a table, which is then read by its other names', async () => {
  expect(await printed('manifest', 'clientes')).toBe('current, of version 2\n');
  expect(await json('manifest', 'clientes', '--full')).toEqual([{ version: 2, written: 1 }]);
  const place = './o lago/é/vendas/clientes';
  expect(await json('register', place, '--as', 'outra.gente', '--virtual', 'outra.povo')).toEqual([
    { table: expect.any(String), names: ['outra.gente', 'outra.povo'] },
  ]);
  expect(await json('tables')).toMatchObject([
    { table: 'outra.gente', kind: 'delta' },
    { table: 'outra.povo', kind: 'virtual' },
    { table: 'vendas.clientes', kind: 'delta' },
    { table: 'vendas.copia', kind: 'delta' },
  ]);
  expect(await printed('read', 'outra.povo', '--format', 'csv')).toBe(
    'cliente,dia\nInês,2026-01-01\n',
  );
});

test('run takes what is new, tells it, and then finds nothing', async () => {
  await mkdir(join(folder, 'entrada'));
  await writeFile(
    join(folder, 'entrada', '1.jsonl'),
    '{"id":1,"cliente":"Inês"}\n{"id":1,"cliente":"Inês"}\n{"id":null,"cliente":"?"}\n',
  );
  expect(await printed('run', 'pedidos')).toMatch(
    /^pedidos → vendas.pedidos_delta, version 1\n {2}files +1 \(\d+ B\) in 1 batch\n[^]* duplicates +1\n {2}inserted +1\n[^]* rejected +1 row, 0 files\n/,
  );
  expect(await json('run', 'pedidos')).toMatchObject([{ job: 'pedidos', batches: 0, version: 1 }]);
});

test('sql joins tables of the catalog', async () => {
  const query =
    'SELECT id, c.cliente, dia, p.cliente FROM Pedidos p JOIN outra.gente c USING (cliente)';
  expect(await printed('sql', query, '--format', 'csv')).toBe(
    'id,cliente,dia,cliente_1\n1,Inês,2026-01-01,Inês\n',
  );
});

test('alter changes properties and features, and cleanup says why it deletes nothing', async () => {
  const table = './alterada';
  await json('create', table, '--schema=id int, t timestamp', '--preset=portable');
  const set = ['--set=delta.checkpointPolicy=v2', '--set=dono=x', '--enable=domainMetadata'];
  expect(await json('alter', table, ...set)).toEqual([{ kind: 'committed', version: 1 }]);
  expect(await printed('alter', table, ...set)).toBe('version 1: nothing to change\n');
  expect(await printed('alter', table, '--unset=dono', '--drop=v2Checkpoint')).toBe(
    'version 3: altered\n',
  );
  expect(await printed('cleanup', table, '--dry-run')).toMatch(/^nothing to delete: no commit is/);
});

test('update and delete change the rows of a condition, and say before which files that concerns', async () => {
  const table = './mudados';
  await json('create', table, '--schema=id bigint, nome string');
  await json('append', table, './pessoas.jsonl');
  const would = await printed(
    'update',
    table,
    '--set',
    'nome=upper(nome)',
    '--where=id = 1',
    '--dry-run',
  );
  expect(would).toMatch(
    /^rewrite part-\S+: 1 row\nversion 1: would be done: 1 row updated in 1 file\n$/,
  );
  expect(
    await json(
      'update',
      table,
      '--set',
      'nome=upper(nome)',
      '--set',
      'id=id + 1',
      '--where=id = 1',
    ),
  ).toMatchObject([{ kind: 'committed', version: 2, mode: 'copy-on-write', rows: 1 }]);
  expect(await printed('delete', table, '--where=id > 100')).toBe(
    'version 3: 1 row deleted in 1 file\n',
  );
  expect(await json('read', table, '--format=ndjson')).toMatchObject([{ id: 2, nome: 'INÊS' }]);
  const wrong = await deltawright(folder, ['delete', table]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--where') });
  const refused = await deltawright(folder, [
    'delete',
    table,
    '--where=id=2',
    '--mode=deletion-vectors',
  ]);
  expect(refused.stderr).toContain('FEATURE_UNSUPPORTED');
});
