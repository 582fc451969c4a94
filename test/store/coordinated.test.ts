/** The protocol of Spark's `S3DynamoDBLogStore`, step by step, and what is left when a step is the last. */

import { describe, expect, test } from 'vitest';

import { ManualClock, seededRandom, systemClock } from '../../src/base/index.ts';
import {
  coordinatedStore,
  coordinationOf,
  type CoordinationOptions,
  type Fault,
  faultyStore,
  type LogTable,
  memoryStore,
  type ObjectStore,
} from '../../src/store/index.ts';
import { unavailable } from '../../src/store/errors.ts';
import { all, bytes, describeStore, paths } from './contract.ts';
import { FaultyLogTable, MemoryLogTable } from './log-table.ts';

const CREATE = { kind: 'create' } as const;
const LOG = '_delta_log';
const clock = new ManualClock(1_800_000_000_500);

function commitPath(version: number): string {
  return `${LOG}/${fileName(version)}`;
}

function fileName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

/** A table in memory and its log table, which several writers share. */
function world() {
  const inner = memoryStore({ clock, name: 'bucket/t' });
  const table = new MemoryLogTable();
  const open = (
    options: Partial<CoordinationOptions> & { store?: ObjectStore; logTable?: LogTable } = {},
  ) => {
    const { store = inner, logTable = table, ...rest } = options;
    return coordinatedStore(store, logTable, { clock, random: seededRandom(3), ...rest });
  };
  return { inner, table, open };
}

async function text(store: ObjectStore, path: string): Promise<string> {
  return new TextDecoder().decode((await store.get(path)).bytes);
}

describeStore('memory guarded with a log table', {
  empty: async () =>
    coordinatedStore(memoryStore({ clock: systemClock }), new MemoryLogTable(), {
      clock: systemClock,
      random: seededRandom(3),
      use: 'guard',
    }),
});

describe('a commit through the log table', () => {
  test('leaves the temporary file, the entry, and the file, as Spark does', async () => {
    const { inner, table, open } = world();
    expect(await open().put(commitPath(0), bytes('zero'), CREATE)).toMatchObject({
      kind: 'written',
    });
    const [entry] = table.entries.values();
    expect(entry).toEqual({
      tablePath: 'memory://bucket/t',
      fileName: fileName(0),
      tempPath: expect.stringMatching(/^\.tmp\/0{20}\.json\.[0-9a-f-]{36}$/),
      complete: true,
      expireTimeS: 1_800_000_000 + 86_400,
    });
    expect(await text(inner, `${LOG}/${entry?.tempPath ?? ''}`)).toBe('zero');
    expect(await text(inner, commitPath(0))).toBe('zero');
  });

  test('of several for one version one wins, and the rest leave nothing', async () => {
    const { inner, table, open } = world();
    const writers = [1, 2, 3, 4].map((seed) => open({ random: seededRandom(seed) }));
    const results = await Promise.all(
      writers.map((store, i) => store.put(commitPath(0), bytes(`writer ${i}`), CREATE)),
    );
    expect(results.filter(({ kind }) => kind === 'written')).toHaveLength(1);
    const winner = results.findIndex(({ kind }) => kind === 'written');
    expect(await text(inner, commitPath(0))).toBe(`writer ${winner}`);
    expect(await paths(inner, `${LOG}/.tmp`)).toHaveLength(1);
    expect(table.entries.size).toBe(1);
  });

  test('needs the commit before it', async () => {
    const { open } = world();
    await expect(open().put(commitPath(3), bytes('x'), CREATE)).rejects.toMatchObject({
      code: 'COMMIT_PREVIOUS_MISSING',
    });
  });

  test('is found in place, also where the entry has expired', async () => {
    const { table, open } = world();
    const store = open();
    await store.put(commitPath(0), bytes('zero'), CREATE);
    table.entries.clear();
    expect(await store.put(commitPath(0), bytes('other'), CREATE)).toEqual({ kind: 'exists' });
    expect(await store.put(commitPath(1), bytes('one'), CREATE)).toMatchObject({ kind: 'written' });
  });

  test('knows its own entry when the request met its own first try', async () => {
    const { inner, table, open } = world();
    class Twice extends MemoryLogTable {
      override async create(entry: Parameters<LogTable['create']>[0]) {
        await table.create(entry);
        return table.create(entry);
      }
      override async get(key: Parameters<LogTable['get']>[0]) {
        return table.get(key);
      }
    }
    const store = open({ logTable: new Twice() });
    expect(await store.put(commitPath(0), bytes('zero'), CREATE)).toMatchObject({
      kind: 'written',
    });
    expect(await text(inner, commitPath(0))).toBe('zero');
  });

  test('stays open where nobody answers whose the entry is', async () => {
    const { table, open } = world();
    class Silent extends MemoryLogTable {
      override async create(entry: Parameters<LogTable['create']>[0]) {
        await table.create(entry);
        return table.create(entry);
      }
      override async get(): Promise<never> {
        throw unavailable({ verb: 'getItem', uri: 'dynamodb:delta_log', path: '' }, null, true);
      }
    }
    const silent = open({ logTable: new Silent() });
    await expect(silent.put(commitPath(0), bytes('zero'), CREATE)).rejects.toMatchObject({
      code: 'STORE_OUTCOME_UNKNOWN',
    });
    const other = open({ random: seededRandom(4) });
    expect(await other.put(commitPath(0), bytes('other'), CREATE)).toEqual({ kind: 'exists' });
  });

  test('loses to a file that a writer without the log table put there meanwhile', async () => {
    const { inner, table, open } = world();
    class Slow extends MemoryLogTable {
      override async create(entry: Parameters<LogTable['create']>[0]) {
        await inner.put(commitPath(0), bytes('of another'), CREATE);
        return table.create(entry);
      }
    }
    const store = open({ logTable: new Slow() });
    expect(await store.put(commitPath(0), bytes('zero'), CREATE)).toEqual({ kind: 'exists' });
    expect(await text(inner, commitPath(0))).toBe('of another');
  });

  test('other objects and modes go past it', async () => {
    const { table, open } = world();
    const store = open();
    await store.put('part-0.parquet', bytes('x'), CREATE);
    await store.put(`${LOG}/_last_checkpoint`, bytes('x'), { kind: 'overwrite' });
    await store.put(`${LOG}/${'0'.repeat(20)}.crc`, bytes('x'), CREATE);
    expect(table.entries.size).toBe(0);
  });

  test('belongs to the table that it is in, from wherever it is written', async () => {
    const { table, open } = world();
    const store = open();
    await store.put(`vendas/pedidos/${commitPath(0)}`, bytes('zero'), CREATE);
    await store.at('vendas').put(`outros/${commitPath(0)}`, bytes('zero'), CREATE);
    expect([...table.entries.values()].map(({ tablePath }) => tablePath)).toEqual([
      'memory://bucket/t/vendas/pedidos',
      'memory://bucket/t/vendas/outros',
    ]);
    expect(coordinationOf(store.at('a/b'))?.tablePath).toBe('memory://bucket/t/a/b');
    expect(coordinationOf(memoryStore({ clock }))).toBeNull();
  });
});

describe('a half-done commit', () => {
  const entry = {
    tablePath: 'memory://bucket/t',
    fileName: fileName(1),
    tempPath: `.tmp/${fileName(1)}.some-uuid`,
    complete: false,
    expireTimeS: null,
  };

  async function halfDone() {
    const made = world();
    await made.open().put(commitPath(0), bytes('zero'), CREATE);
    await made.inner.put(`${LOG}/${entry.tempPath}`, bytes('one'), CREATE);
    await made.table.create(entry);
    return made;
  }

  test('is finished by who lists the log', async () => {
    const { inner, table, open } = await halfDone();
    expect((await all(open(), LOG)).map(({ path }) => path)).toContain(commitPath(1));
    expect(await text(inner, commitPath(1))).toBe('one');
    expect(await table.latest(entry.tablePath)).toEqual({
      ...entry,
      complete: true,
      expireTimeS: 1_800_000_000 + 86_400,
    });
  });

  test('is finished by who commits the next version, and by who wanted this one', async () => {
    const next = await halfDone();
    await next.open().put(commitPath(2), bytes('two'), CREATE);
    expect(await text(next.inner, commitPath(1))).toBe('one');
    const same = await halfDone();
    expect(await same.open().put(commitPath(1), bytes('mine'), CREATE)).toEqual({ kind: 'exists' });
    expect(await text(same.inner, commitPath(1))).toBe('one');
  });

  test('is only acknowledged where its file is there', async () => {
    const { inner, table, open } = await halfDone();
    await inner.put(commitPath(1), bytes('one'), CREATE);
    await inner.delete([`${LOG}/${entry.tempPath}`]);
    await all(open(), LOG);
    expect((await table.latest(entry.tablePath))?.complete).toBe(true);
  });

  test('whose temporary file is gone is an error that says so', async () => {
    const { inner, open } = await halfDone();
    await inner.delete([`${LOG}/${entry.tempPath}`]);
    await expect(all(open(), LOG)).rejects.toMatchObject({
      code: 'COMMIT_LOST',
      details: { tempPath: entry.tempPath },
    });
  });

  test('is left alone by the bare store', async () => {
    const { open } = await halfDone();
    const coordination = coordinationOf(open());
    const bare = coordination?.bare;
    expect(bare && (await paths(bare, LOG))).toEqual([commitPath(0)]);
    expect(await coordination?.latest()).toEqual(entry);
  });
});

describe('both ways on one table are refused', () => {
  const entry = {
    tablePath: 'memory://bucket/t',
    fileName: fileName(0),
    tempPath: '.tmp/x',
    complete: true,
    expireTimeS: 1,
  };

  test('a conditional PUT where the log table has entries', async () => {
    const { table, open } = world();
    await table.create(entry);
    await expect(
      open({ use: 'guard' }).put(commitPath(1), bytes('x'), CREATE),
    ).rejects.toMatchObject({ code: 'COMMIT_COORDINATED', details: { logTable: 'delta_log' } });
  });

  test('and it is one where there are none', async () => {
    const { inner, table, open } = world();
    expect(await open({ use: 'guard' }).put(commitPath(0), bytes('x'), CREATE)).toMatchObject({
      kind: 'written',
    });
    expect(await paths(inner, LOG)).toEqual([commitPath(0)]);
    expect(table.entries.size).toBe(0);
  });

  test('entries of a table that was deleted', async () => {
    const { table, open } = world();
    await table.create(entry);
    await expect(open().put(commitPath(0), bytes('x'), CREATE)).rejects.toMatchObject({
      code: 'LOG_TABLE_STALE',
    });
  });
});

/** The process dies at its step `stop` among the writes to both the store and the log table. */
function dyingAt(stop: number, when: 'crash' | 'crash-after'): (isWrite: boolean) => Fault {
  let writeCount = 0;
  let isDead = false;
  return (isWrite) => {
    if (isDead) return { kind: 'crash' };
    if (!isWrite) return { kind: 'none' };
    writeCount += 1;
    isDead = writeCount > stop;
    return isDead ? { kind: when } : { kind: 'none' };
  };
}

describe.each(['crash', 'crash-after'] as const)('a writer that dies (%s)', (when) => {
  test.each([0, 1, 2, 3])('at write %i leaves a log that the next goes on from', async (stop) => {
    const { inner, table, open } = world();
    await open().put(commitPath(0), bytes('zero'), CREATE);
    const plan = dyingAt(stop, when);
    const dying = open({
      store: faultyStore(inner, { clock, plan: ({ isWrite }) => plan(isWrite) }),
      logTable: new FaultyLogTable(table, plan),
    });
    await expect(dying.put(commitPath(1), bytes('dying'), CREATE)).rejects.toMatchObject({
      code: 'STORE_CRASHED',
    });
    const next = open({ random: seededRandom(9) });
    const listed = await paths(next, LOG);
    const isIn = listed.includes(commitPath(1));
    // The entry is what decides: it is the second write.
    expect(isIn).toBe(stop > 1 || (stop === 1 && when === 'crash-after'));
    const version = isIn ? 2 : 1;
    expect(await next.put(commitPath(version), bytes('next'), CREATE)).toMatchObject({
      kind: 'written',
    });
    expect(await text(inner, commitPath(1))).toBe(isIn ? 'dying' : 'next');
    expect([...table.entries.values()].every(({ complete }) => complete)).toBe(true);
  });
});

describe('lost answers', () => {
  test.each(['lose-answer', 'lose-request', 'fail'] as const)(
    'at each write (%s) leave the commit known, or open and to be found by reading back',
    async (kind) => {
      for (let at = 0; at < 4; at += 1) {
        const { inner, table, open } = world();
        let writeCount = 0;
        const plan = (isWrite: boolean): Fault => {
          writeCount += isWrite ? 1 : 0;
          return { kind: isWrite && writeCount === at + 1 ? kind : 'none' };
        };
        const store = open({
          store: faultyStore(inner, { clock, plan: ({ isWrite }) => plan(isWrite) }),
          logTable: new FaultyLogTable(table, plan),
        });
        const put = store.put(commitPath(0), bytes('mine'), CREATE);
        if (at >= 2) {
          expect(await put).toMatchObject({ kind: 'written' });
        } else {
          await expect(put).rejects.toMatchObject({ kind: 'unavailable' });
        }
        const again = await store.put(commitPath(0), bytes('mine'), CREATE);
        const isIn = at >= 2 || (at === 1 && kind === 'lose-answer');
        expect(again.kind).toBe(isIn ? 'exists' : 'written');
        expect(await text(inner, commitPath(0))).toBe('mine');
      }
    },
  );
});
