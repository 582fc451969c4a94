/** The commands about versions of a table, as a person calls them. */

import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { deltawright, jsonLines } from './command.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-versions-'));
  await writeFile(join(folder, 'pessoas.jsonl'), '{"id":1}\n{"id":2}\n');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await deltawright(folder, args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

async function json(...args: string[]): Promise<unknown[]> {
  return jsonLines(await printed(...args, '--json'));
}

test('vacuum, restore, clone and convert do what they say', async () => {
  await printed('create', './t', '--schema=id bigint');
  await printed('append', './t', './pessoas.jsonl');
  await printed('append', './t', './pessoas.jsonl');
  expect(await json('restore', './t', '--version', '1')).toMatchObject([
    { kind: 'committed', version: 3, restoredVersion: 1, filesRemoved: 1, missing: [] },
  ]);
  expect(await printed('restore', './t', '--version', '2')).toBe(
    'version 4 is as version 2 was: 1 file brought back, 0 taken out\n',
  );
  const wrong = await deltawright(folder, ['restore', './t']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('RESTORE_INVALID') });

  await writeFile(join(folder, 't', 'sobra.parquet'), '12345');
  const old = new Date('2020-01-01T00:00:00Z');
  await utimes(join(folder, 't', 'sobra.parquet'), old, old);
  expect(await printed('vacuum', './t', '--dry-run')).toBe(
    'sobra.parquet  5 B\nversion 4: 1 file, 5 B, would be deleted\n',
  );
  const short = await deltawright(folder, ['vacuum', './t', '--retain-hours', '1']);
  expect(short).toMatchObject({ code: 2 });
  expect(short.stderr).toContain('VACUUM_RETENTION_SHORT');
  expect(await json('vacuum', './t', '--retain-hours', '1', '--no-retention-check')).toMatchObject([
    { kind: 'deleted', version: 6, fileCount: 1, sizeBytes: 5 },
  ]);
  expect(await printed('vacuum', './t', '--lite')).toBe('version 8: 0 files, 0 B, deleted\n');

  expect(await json('clone', './t', './raso', '--shallow', '--property', 'a=b')).toMatchObject([
    { version: 0, fileCount: 2, copiedCount: 0 },
  ]);
  expect(await printed('clone', './t', './fundo')).toMatch(
    /version 8, 2 files, [\d.]+ k?B, copied/,
  );
  for (const table of ['./raso', './fundo']) {
    expect(jsonLines(await printed('read', table, '--format', 'ndjson'))).toHaveLength(4);
  }
  expect((await deltawright(folder, ['clone', './t', './raso'])).stderr).toContain('TABLE_EXISTS');

  await mkdir(join(folder, 'pasta'));
  const nothing = await deltawright(folder, ['convert', './pasta']);
  expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('CONVERT_INVALID') });
  await rm(join(folder, 'fundo', '_delta_log'), { recursive: true });
  expect(await printed('convert', './fundo')).toMatch(
    /fundo: version 0: 2 files, 4 rows, [\d.]+ k?B\n$/,
  );
  expect(await printed('convert', './fundo')).toMatch(/version 0: is a table already\n$/);
});

test('read prints row ids where it is asked to', async () => {
  await printed(
    'create',
    './ids',
    '--schema=id bigint',
    '--property',
    'delta.enableRowTracking=true',
  );
  await printed('append', './ids', './pessoas.jsonl');
  await printed('update', './ids', '--set', 'id=3', '--where', 'id = 1');
  const read = await json('read', './ids', '--row-ids');
  expect(read).toEqual([
    { id: 3, '_metadata.row_id': 0, '_metadata.row_commit_version': 2 },
    { id: 2, '_metadata.row_id': 1, '_metadata.row_commit_version': 1 },
  ]);
});
