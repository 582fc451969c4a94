/** The command as a process: what it loads, and how it ends when somebody else wants it to. */

import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { deltawright, withFolder } from './command.ts';

/** Prints the packages that were loaded, to standard error, when the process ends. */
const LIST_PACKAGES = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      const [, name] = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url) ?? [];
      if (name !== undefined) packages.add(name);
      return next(url, context);
    },
  });
  process.on('exit', () => process.stderr.write([...packages].sort().join(' ')));
`)}`;

test('help needs the parser of the command line alone', async () => {
  await withFolder(async (folder) => {
    const help = await deltawright(folder, ['--help'], { node: ['--import', LIST_PACKAGES] });
    expect(help).toMatchObject({ code: 0, stderr: 'commander' });
    for (const name of ['run', 'append', 'merge', 'sql', 'checksum', 'register']) {
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(help.stdout).toContain('Exit codes: 0 done');
  });
});

test('a run that finds nothing loads no engine, no Parquet, no Arrow and no SDK', async () => {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'entrada'));
    expect(await deltawright(folder, ['run', 'pedidos'])).toMatchObject({ code: 0 });
    const again = await deltawright(folder, ['run', 'pedidos'], {
      node: ['--import', LIST_PACKAGES],
    });
    expect(again.stdout).toMatch(/: nothing new \(/);
    expect(again.stderr.split(' ')).toEqual([
      'commander',
      'fast-json-stable-stringify',
      'p-limit',
      'valibot',
      'yocto-queue',
    ]);
  });
});

const ENDLESS = ['sql', 'SELECT range AS i FROM range(1000000000000)', '--format', 'csv'];

test('a reader that goes away is no error', async () => {
  await withFolder(async (folder) => {
    const outcome = await deltawright(folder, ENDLESS, {
      onOutput: (child) => child.stdout?.destroy(),
    });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
  });
});

test('a scheduler that stops the command gets the code of its signal', async () => {
  await withFolder(async (folder) => {
    const outcome = await deltawright(folder, ENDLESS, {
      onOutput: (child) => child.kill('SIGTERM'),
    });
    expect(outcome.code).toBe(143);
    expect(outcome.stderr).toMatch(/^deltawright: STOPPED: .*SIGTERM.*\n$/);
  });
});
