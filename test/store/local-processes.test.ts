import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { localStore, type ObjectStore } from '../../src/store/index.ts';
import { bytes, paths, text } from './contract.ts';

interface Worker {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: AsyncIterator<string, undefined>;
}

let root = '';
let store: ObjectStore;
let workers: Worker[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'deltawright-processes-'));
  store = localStore(root, { clock: systemClock, random: systemRandom });
});

afterEach(async () => {
  for (const worker of workers) await kill(worker);
  workers = [];
  await rm(root, { recursive: true, force: true });
});

test('of eight processes that create one name exactly one wins, name after name', async () => {
  const racers = await Promise.all(
    Array.from({ length: 8 }, (_, index) => start('create', String(index))),
  );
  for (const racer of racers) go(racer);
  const winners = new Map<string, string>();
  await Promise.all(
    racers.map(async ({ lines }, index) => {
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
        expect(winners.has(line.value)).toBe(false);
        winners.set(line.value, String(index));
      }
    }),
  );
  expect(winners.size).toBe(40);
  for (const [path, id] of winners) expect(text((await store.get(path)).bytes)).toBe(id);
  expect(await paths(store, '', { recursive: true })).toHaveLength(40);
});

test('updates of processes that are killed at any moment lose none that was acknowledged', async () => {
  await store.put('counter', bytes('0'), { kind: 'create' });
  let acknowledged = 0;
  const KILLS = 12;
  const incrementUntilKilled = async (limit: number): Promise<void> => {
    const worker = await start('increment', '');
    go(worker);
    for (let own = 0; own < limit; own += 1) {
      const line = await worker.lines.next();
      if (line.done === true) throw new Error('a worker ended by itself');
      acknowledged += 1;
    }
    worker.process.kill('SIGKILL');
    // What it had done before the signal reached it is still in the pipe.
    while ((await worker.lines.next()).done !== true) acknowledged += 1;
  };
  await Promise.all(
    Array.from({ length: 4 }, async (_, lane) => {
      for (let kill = lane; kill < KILLS; kill += 4) await incrementUntilKilled(3 + kill);
    }),
  );
  const count = Number(text((await store.get('counter')).bytes));
  expect(count).toBeGreaterThanOrEqual(acknowledged);
  expect(count).toBeLessThanOrEqual(acknowledged + KILLS);
  expect(await paths(store, '')).toEqual(['counter']);
});

test('the lock of a killed process is free at once', async () => {
  await store.put('counter', bytes('0'), { kind: 'create' });
  const { etag } = (await store.get('counter')).meta;
  const holder = await start('hold', '');
  go(holder);
  expect(await holder.lines.next()).toMatchObject({ value: 'held' });
  const refused = Promise.withResolvers<void>();
  const clock = {
    now: () => systemClock.now(),
    sleep: async (delayMs: number) => {
      refused.resolve();
      await systemClock.sleep(delayMs);
    },
  };
  const waiting = localStore(root, { clock, random: systemRandom });
  const update = waiting.put('counter', bytes('1'), { kind: 'update', etag });
  await refused.promise;
  await kill(holder);
  expect(await update).toMatchObject({ kind: 'written' });
});

async function start(verb: string, id: string): Promise<Worker> {
  const script = new URL('worker.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, verb, root, id], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const worker = {
    process: child,
    lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
  };
  workers.push(worker);
  expect(await worker.lines.next()).toMatchObject({ value: 'ready' });
  return worker;
}

function go(worker: Worker): void {
  worker.process.stdin.write('go\n');
}

async function kill({ process: child }: Worker): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
