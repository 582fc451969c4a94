import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  createEngine,
  identifier,
  literal,
  openSession,
  type Session,
} from '../../src/engine/index.ts';

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-test-'));
  session = await openSession({ threads: 1, tempDirectory: folder });
});

afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

describe('values', () => {
  test('every kind of value comes out in its plain form', async () => {
    const [row] =
      await session.query(`SELECT 1::TINYINT AS i, 9007199254740993 AS l, 1.5::FLOAT AS f, '-0.0'::DOUBLE AS z,
      -12.30::DECIMAL(10,2) AS d, DATE '1969-12-31' AS day, TIMESTAMP '1969-12-31 23:59:59.999999' AS ntz,
      TIMESTAMPTZ '2020-01-01 00:00:00Z' AS ts, 'é' AS s, unhex('00ff') AS b, [1, NULL] AS list,
      {'a': 1} AS st, MAP {'k': 1.5::DECIMAL(2,1)} AS m, NULL AS n,
      170141183460469231731687303715884105727::HUGEINT AS h`);
    expect(row).toMatchObject({
      i: 1,
      l: 9007199254740993n,
      f: 1.5,
      z: -0,
      d: -1230n,
      day: -1,
      ntz: -1n,
      ts: 1577836800000000n,
      s: 'é',
      st: { a: 1 },
      b: new Uint8Array([0, 255]),
      list: [1, null],
      m: [['k', 15n]],
      n: null,
      h: 2n ** 127n - 1n,
    });
  });

  test('a type without a counterpart is refused by name', async () => {
    await expect(session.query("SELECT INTERVAL '1' DAY")).rejects.toMatchObject({
      code: 'ENGINE_TYPE_UNSUPPORTED',
    });
  });

  test('quoted names and texts come back as they went in', async () => {
    const odd = `a"b'c\0\\n%;--`;
    expect(await session.query(`SELECT ${literal(odd)} AS ${identifier('x"y')}`)).toEqual([
      { 'x"y': odd },
    ]);
  });
});

describe('statements', () => {
  test('a stream yields every row in order and can be left early', async () => {
    let next = 0n;
    for await (const chunk of session.stream('SELECT range AS r FROM range(10000)')) {
      for (const value of chunk.columns[0] ?? []) {
        expect(value).toBe(next);
        next += 1n;
      }
    }
    expect(next).toBe(10000n);
    for await (const chunk of session.stream('SELECT * FROM range(1000000000)')) {
      expect(chunk.rowCount).toBeGreaterThan(0);
      break;
    }
  });

  test('errors say what a caller can do', async () => {
    await expect(session.query('SELEC 1')).rejects.toMatchObject({
      code: 'ENGINE_SQL',
      kind: 'invalid',
    });
    await expect(session.query("SELECT CAST('x' AS INT)")).rejects.toMatchObject({
      code: 'ENGINE_VALUE',
      kind: 'data',
    });
    await expect(
      session.query("SELECT * FROM read_parquet('/nowhere.parquet')"),
    ).rejects.toMatchObject({ code: 'ENGINE_IO' });
    expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test.skipIf(!existsSync('/dev/full'))('a full disk is no fault of a file', async () => {
    await expect(
      session.run("COPY (FROM range(100000)) TO '/dev/full' (FORMAT parquet, USE_TMP_FILE false)"),
    ).rejects.toMatchObject({ code: 'ENGINE_DISK', kind: 'unavailable' });
  });

  test('an aborted statement rejects with the reason of its signal', async () => {
    const controller = new AbortController();
    const running = session.query('SELECT count(*) FROM range(100000000000)', {
      signal: controller.signal,
    });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  test('rows whose reading is aborted never end as if there were no more', async () => {
    for (let round = 0; round < 20; round += 1) {
      const controller = new AbortController();
      const { signal } = controller;
      const read = async (): Promise<void> => {
        for await (const chunk of session.stream('FROM range(100000000000)', { signal })) {
          // While the next rows are on their way.
          if (chunk.rowCount > 0) setImmediate(() => controller.abort(new Error('enough')));
        }
      };
      await expect(read()).rejects.toThrow('enough');
    }
  });
});

describe('limits', () => {
  test('a session bound to folders touches no other file', async () => {
    const bound = await openSession({
      threads: 1,
      tempDirectory: folder,
      allowedDirectories: [folder],
    });
    await expect(bound.query("SELECT * FROM read_csv('/etc/passwd')")).rejects.toMatchObject({
      code: 'ENGINE_DENIED',
    });
    await bound.run(`COPY (SELECT 1) TO ${literal(join(folder, 'one.parquet'))}`);
    await expect(bound.run('SET enable_external_access = true')).rejects.toMatchObject({
      kind: 'data',
    });
    await bound.close();
  });

  test('what does not fit the memory limit spills, and close removes it', async () => {
    const small = await openSession({
      threads: 1,
      tempDirectory: folder,
      memoryLimitBytes: 32 << 20,
    });
    await small.run(
      'CREATE TABLE t AS SELECT range AS r, md5(range::VARCHAR) AS m FROM range(700000)',
    );
    let last = '';
    for await (const chunk of small.stream('SELECT m FROM t ORDER BY m')) {
      for (const value of chunk.columns[0] ?? []) {
        if (typeof value !== 'string' || value < last) throw new Error('out of order');
        last = value;
      }
    }
    await small.close();
    expect(existsSync(small.tempDirectory)).toBe(false);
    await expect(small.query('SELECT 1')).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
  });

  test('closing the engine closes its sessions', async () => {
    const engine = createEngine({ threads: 1, tempDirectory: folder });
    const one = await engine.openSession();
    const two = await engine.openSession({ threads: 2 });
    await engine.close();
    await expect(one.query('SELECT 1')).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
    await expect(two.run('SELECT 1')).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
  });
});
