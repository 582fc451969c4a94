import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { localStore } from '../../src/store/index.ts';
import { describeStore } from './contract.ts';

const folders: string[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'deltawright-local-'));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

for (const durable of [true, false]) {
  describeStore(`local disk, durable: ${String(durable)}`, {
    empty: async () =>
      localStore(join(await newFolder(), 'new root é', 'lake'), {
        clock: systemClock,
        random: systemRandom,
        durable,
      }),
  });
}
