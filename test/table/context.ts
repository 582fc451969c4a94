/** Tables to test with: in memory or on disk, on a manual clock and seeded chance. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock, seededRandom, systemClock, systemRandom } from '../../src/base/index.ts';
import type { Action, AddFile } from '../../src/log/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { localStore, memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { commitTransaction } from '../../src/table/commit.ts';
import { createTable, type CreateSpec } from '../../src/table/create.ts';
import type {
  CommitOutcome,
  Snapshot,
  TableContext,
  TransactionSpec,
} from '../../src/table/types.ts';

/** A context without an engine, as the log needs none. */
export function contextOf(
  store: ObjectStore,
  clock: TableContext['clock'] = new ManualClock(),
): TableContext {
  const absent = (): Promise<never> => Promise.reject(new Error('not in this test'));
  return { store, clock, random: seededRandom(7), engine: absent, resolve: absent };
}

export function memoryContext(): TableContext & { readonly clock: ManualClock } {
  const clock = new ManualClock();
  return { ...contextOf(memoryStore({ clock, name: 'table' }), clock), clock };
}

/** Runs `work` on a table folder of its own, on the real clock, without syncs. */
export async function onDisk<T>(
  work: (ctx: TableContext, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'deltawright-table-'));
  try {
    const store = localStore(folder, {
      clock: systemClock,
      random: systemRandom,
      durable: false,
    });
    return await work({ ...contextOf(store, systemClock), random: systemRandom }, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function newTable(
  ctx: TableContext,
  spec: Partial<CreateSpec> = {},
): Promise<Snapshot> {
  const { snapshot } = await createTable(ctx, {
    schema: parseDdl('id string, n bigint'),
    ...spec,
  });
  return snapshot;
}

export function addAction(path: string, members: Partial<AddFile> = {}): Action {
  const add = { path, partitionValues: {}, size: 10, modificationTime: 1, dataChange: true };
  return { kind: 'add', add: { ...add, ...members } };
}

export function removeAction(path: string): Action {
  return { kind: 'remove', remove: { path, deletionTimestamp: 1, dataChange: true } };
}

/** A blind append of files that need not exist. */
export function appendSpec(...paths: readonly string[]): TransactionSpec {
  return {
    operation: 'WRITE',
    actions: paths.map((path) => addAction(path)),
    reads: { kind: 'nothing' },
  };
}

/** Commits, and fails the test where that is not the outcome. */
export async function commit(
  ctx: TableContext,
  snapshot: Snapshot,
  spec: TransactionSpec,
): Promise<Extract<CommitOutcome, { kind: 'committed' }>> {
  const outcome = await commitTransaction(ctx, snapshot, spec);
  if (outcome.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  return outcome;
}

export function pathsOf(snapshot: Snapshot): readonly string[] {
  return Array.from(snapshot.files(), (file) => file.path).sort();
}

export async function readText(store: ObjectStore, path: string): Promise<string> {
  return new TextDecoder().decode((await store.get(path)).bytes);
}

export async function writeText(store: ObjectStore, path: string, text: string): Promise<void> {
  await store.put(path, new TextEncoder().encode(text), { kind: 'overwrite' });
}

/** The store, where somebody cleans up just before `path` is read. */
export function cleanedAtRead(
  store: ObjectStore,
  path: string,
  clean: () => Promise<unknown>,
): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'get') {
        return async (...args: Parameters<ObjectStore['get']>) => {
          if (args[0] === path) await clean();
          return target.get(...args);
        };
      }
      if (name === 'getRange') {
        return async (...args: Parameters<ObjectStore['getRange']>) => {
          if (args[0] === path) await clean();
          return target.getRange(...args);
        };
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
