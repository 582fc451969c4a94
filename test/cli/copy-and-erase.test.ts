/** `copy-into` and `erase`, as a person calls them. */

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { deltawright, jsonLines } from './command.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-erase-'));
  await mkdir(join(folder, 'entrada', 'dia=1'), { recursive: true });
  await writeFile(join(folder, 'entrada', 'a.jsonl'), '{"id":1,"nome":"Inês"}\n{"id":2}\n');
  await writeFile(join(folder, 'entrada', 'dia=1', 'b.jsonl'), '{"id":3,"nome":"Zenóbia"}\n');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await deltawright(folder, args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

test('copy-into loads each file once, and tells of what it leaves out', async () => {
  await printed('create', './t', '--schema=id bigint, nome string');
  expect(await printed('copy-into', './t', './entrada')).toBe(
    'version 1: 2 files loaded, 3 rows; 0 skipped, 0 rejected\n',
  );
  expect(await printed('copy-into', './t', 'entrada/', '--pattern', '*.jsonl')).toBe(
    'version 1: 0 files loaded, 0 rows; 1 skipped, 0 rejected\n',
  );
  await writeFile(join(folder, 'entrada', 'c.jsonl'), '{"id":4}\n{"id":');
  const stopped = await deltawright(folder, ['copy-into', './t', './entrada']);
  expect(stopped).toMatchObject({ code: 3, stdout: '' });
  expect(stopped.stderr).toContain('COPY_INTO_REJECTED: the file c.jsonl cannot be loaded');
  const skipped = await deltawright(folder, ['copy-into', './t', './entrada', '--skip-bad']);
  expect(skipped).toMatchObject({
    code: 0,
    stdout: 'version 1: 0 files loaded, 0 rows; 2 skipped, 1 rejected\n',
    stderr: expect.stringContaining('left out: c.jsonl: INPUT_BAD_LINE'),
  });
  await writeFile(join(folder, 'entrada', 'c.jsonl'), '{"id":4}\n');
  const args = ['copy-into', './t', './entrada', '--format=json', '--json'];
  expect(jsonLines(await printed(...args))).toMatchObject([
    { kind: 'committed', version: 2, loadedCount: 1, rowCount: 1, skippedCount: 2, rejected: [] },
  ]);
});

test('erase says what it would do, does it, and ends clean', async () => {
  const where = ['--where', "nome = 'Zenóbia'"];
  const would = await printed('erase', './t', ...where, '--dry-run');
  expect(would).toMatch(/^before: live of versions 1 to 2: \d files \(.*\) searched, 1 row in 1 /);
  expect(would).toMatch(/\n1 file would be rewritten, 0 deleted\n/);
  expect(would).toMatch(/\nversion 2: not clean\n$/);
  expect(jsonLines(await printed('erase', './t', ...where, '--json'))).toMatchObject([
    {
      kind: 'erased',
      clean: false,
      versionsLost: [{ from: 1, to: 2 }],
      left: [{ why: expect.stringContaining('a writer') }, {}],
    },
  ]);
  const done = await printed('erase', './t', ...where, '--writer-hours', '0');
  expect(done).toMatch(/\nafter: live of versions .* searched, 0 rows in 0 files\n/);
  expect(done).toMatch(/\nversion \d: clean\n$/);
  for (const file of await readdir(join(folder, 't'), { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    expect((await readFile(join(file.parentPath, file.name))).includes('Zenóbia')).toBe(false);
  }
  const rows = await printed('read', './t', '--format=ndjson', '--columns=id');
  expect(rows.trim().split('\n').sort()).toEqual(['{"id":1}', '{"id":2}', '{"id":4}']);
  const wrong = await deltawright(folder, ['erase', './t']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--where') });
});
