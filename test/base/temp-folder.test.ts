import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { expect, test } from 'vitest';

import { makeTempFolder } from '../../src/base/index.ts';

test('what dead processes left an hour ago is removed, and nothing else', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'temp-folder-'));
  try {
    const own = basename(await makeTempFolder(join(parent, 'new')));
    const [, host = ''] = /^deltawright-(.+)-\d+-\w{6}$/.exec(own) ?? [];
    expect(own).toContain(`-${String(process.pid)}-`);
    // A process that has ended.
    const dead = String(spawnSync(process.execPath, ['-e', '']).pid);
    const old = [
      `deltawright-${host}-${dead}-aaaaaa`,
      `deltawright-${host}-${String(process.pid)}-aaaaaa`,
      `deltawright-elsewhere-${dead}-aaaaaa`,
      'deltawright-aaaaaa',
    ];
    const young = `deltawright-${host}-${dead}-bbbbbb`;
    for (const name of [...old, young])
      await mkdir(join(parent, name, 'inner'), { recursive: true });
    const hourAgo = Date.now() / 1000 - 3601;
    for (const name of old) await utimes(join(parent, name), hourAgo, hourAgo);
    const folder = basename(await makeTempFolder(parent));
    expect((await readdir(parent)).toSorted()).toEqual(
      [folder, young, 'new', ...old.slice(1)].toSorted(),
    );
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
