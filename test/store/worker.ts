/**
 * A process that works on a local store beside others: `worker.ts VERB ROOT ID`. It says `ready`, begins when it reads
 * something, and writes one line for each outcome.
 */

import { once } from 'node:events';
import { writeSync } from 'node:fs';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { localStore } from '../../src/store/index.ts';
import { withFolderLock } from '../../src/store/local-lock.ts';

const [, , verb = '', root = '', id = ''] = process.argv;
const store = localStore(root, { clock: systemClock, random: systemRandom });
const content = new TextEncoder().encode(id);

/** Written at once, so that a killed process has said what it had done. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function createRaces(): Promise<void> {
  for (let round = 0; round < 40; round += 1) {
    const path = `new folder ${round % 4}/race-${round}`;
    const { kind } = await store.put(path, content, { kind: 'create' });
    if (kind === 'written') say(path);
  }
}

async function incrementForever(): Promise<void> {
  for (;;) {
    const { bytes, meta } = await store.get('counter');
    const next = new TextEncoder().encode(String(Number(new TextDecoder().decode(bytes)) + 1));
    const { kind } = await store.put('counter', next, { kind: 'update', etag: meta.etag });
    if (kind === 'written') say('incremented');
  }
}

async function holdLockForever(): Promise<void> {
  const call = { verb: 'put', uri: store.uri, path: 'counter' };
  const tools = { clock: systemClock, random: systemRandom, call };
  await withFolderLock(root, tools, async () => {
    say('held');
    await once(process, 'never');
  });
}

say('ready');
await once(process.stdin, 'data');
if (verb === 'create') await createRaces();
if (verb === 'increment') await incrementForever();
if (verb === 'hold') await holdLockForever();
process.exit();
