import { describe, expect, test } from 'vitest';

import { parseDdl, type StructType } from '../../../src/schema/index.ts';
import { commitTransaction } from '../../../src/table/commit.ts';
import { syncIdentity } from '../../../src/table/columns.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { readChanges } from '../../../src/table/ops/changes.ts';
import {
  addConstraint,
  constraintsOf,
  dropConstraint,
} from '../../../src/table/ops/constraints.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { overwrite } from '../../../src/table/ops/overwrite.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, dataFiles, rowsOf, shown, tableOf, text, withBench } from './write-table.ts';

/** The columns with metadata as other engines leave it. */
function marked(
  ddl: string,
  marks: Readonly<Record<string, Readonly<Record<string, never>> | object>>,
): StructType {
  const schema = parseDdl(ddl);
  const fields = schema.fields.map((field) => ({
    ...field,
    metadata: { ...field.metadata, ...Object.fromEntries(Object.entries(marks[field.name] ?? {})) },
  }));
  return { ...schema, fields };
}

async function markedTable(bench: Bench, schema: StructType): Promise<Snapshot> {
  return tableOf(bench, '', { schema });
}

async function shownRows(bench: Bench, snapshot: Snapshot): Promise<readonly string[]> {
  const rows = await rowsOf(bench, snapshot);
  return rows.map((row) => Object.values(row).map(shown).join(' '));
}

describe('constraints', () => {
  test('hold rows that come in, by append and overwrite, and are named with a row that breaks them', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id bigint, v string');
      const first = await append(bench.ctx, start, { rows: [{ id: 1, v: 'a' }] });
      const { snapshot } = await addConstraint(bench.ctx, first.snapshot, {
        name: 'Positive',
        expression: "id > 0 AND v <> 'x'",
      });
      expect(constraintsOf(snapshot)).toEqual([
        { name: 'positive', expression: "id > 0 AND v <> 'x'" },
      ]);
      expect(snapshot.protocol.minWriterVersion).toBe(3);
      const before = await dataFiles(bench);
      const parquet = [await bench.parquet('a.parquet', "SELECT 5::BIGINT AS id, 'x' AS v")];
      for (const source of [
        {
          rows: [
            { id: 2, v: 'b' },
            { id: -1, v: 'b' },
          ],
        },
        { rows: [{ id: null, v: 'b' }] },
        { parquet },
      ]) {
        for (const verb of [append, overwrite]) {
          await expect(verb(bench.ctx, snapshot, source)).rejects.toMatchObject({
            code: 'RULE_VIOLATED',
            kind: 'data',
            details: { rule: 'CHECK positive', expression: "id > 0 AND v <> 'x'" },
          });
        }
      }
      expect(await dataFiles(bench)).toEqual(before);
      const added = await append(bench.ctx, snapshot, { rows: [{ id: 3, v: 'c' }] });
      expect(added.kind).toBe('committed');
      const dropped = await dropConstraint(bench.ctx, added.snapshot, { name: 'POSITIVE' });
      expect(constraintsOf(dropped.snapshot)).toEqual([]);
      await append(bench.ctx, dropped.snapshot, { rows: [{ id: -3, v: 'x' }] });
    });
  });

  test('are added only where the rows that are there keep to them, and dropped only where they are', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id bigint');
      const { snapshot } = await append(bench.ctx, start, { rows: [{ id: 1 }, { id: null }] });
      const add = (name: string, expression: string): Promise<unknown> =>
        addConstraint(bench.ctx, snapshot, { name, expression });
      await expect(add('c', 'id < 5')).rejects.toMatchObject({
        code: 'RULE_VIOLATED',
        details: { example: 'id = null' },
      });
      await expect(add('c', 'nope(id)')).rejects.toMatchObject({ code: 'RULE_UNSUPPORTED' });
      await expect(add('c', 'other > 1')).rejects.toMatchObject({ code: 'RULE_UNSUPPORTED' });
      await expect(add('c d', 'true')).rejects.toMatchObject({ code: 'CONSTRAINT_INVALID' });
      await expect(dropConstraint(bench.ctx, snapshot, { name: 'c' })).rejects.toMatchObject({
        code: 'CONSTRAINT_UNKNOWN',
      });
      const idle = await dropConstraint(bench.ctx, snapshot, { name: 'c', ifExists: true });
      expect(idle.kind).toBe('unchanged');
      await add('c', 'id < 5 OR id IS NULL');
      await expect(add('C', 'true')).rejects.toMatchObject({ code: 'CONSTRAINT_EXISTS' });
    });
  });

  test('of other writers that cannot be evaluated here are refused by name before anything is written', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id bigint');
      const configuration = { 'delta.constraints.odd': 'some_function(id) > 1' };
      const metaData = { ...start.metadata, configuration };
      await commitTransaction(bench.ctx, start, {
        operation: 'ADD CONSTRAINT',
        actions: [{ kind: 'metaData', metaData }],
        reads: { kind: 'nothing' },
      });
      const latest = await openSnapshot(bench.ctx);
      await expect(append(bench.ctx, latest, { rows: [{ id: 1 }] })).rejects.toMatchObject({
        code: 'RULE_UNSUPPORTED',
        details: { rule: 'CHECK odd' },
        message: expect.stringContaining('some_function'),
      });
      expect(await dataFiles(bench)).toEqual([]);
    });
  });

  test('are seen by an append that began before them', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id bigint');
      await addConstraint(bench.ctx, start, { name: 'c', expression: 'id > 0' });
      await expect(append(bench.ctx, start, { rows: [{ id: -1 }] })).rejects.toMatchObject({
        code: 'RULE_VIOLATED',
      });
    });
  });
});

test('invariants hold, as do NOT NULL inside of columns', async () => {
  await withBench('memory', async (bench) => {
    const invariant = JSON.stringify({ expression: { expression: 'n > 3' } });
    const schema = marked(
      'n int, s struct<a: int not null, l: array<struct<b: int not null>>>, m map<string, int>',
      { n: { 'delta.invariants': invariant } },
    );
    const start = await markedTable(bench, schema);
    const good = await append(bench.ctx, start, {
      rows: [
        { n: 4, s: { a: 1, l: [{ b: 1 }, null] } },
        { n: 5, s: null },
      ],
    });
    await expect(append(bench.ctx, good.snapshot, { rows: [{ n: 3 }] })).rejects.toMatchObject({
      details: { rule: 'the invariant of n', example: 'n = 3' },
    });
    for (const s of ["{'a': NULL::INT, 'l': []}", "{'a': 1, 'l': [{'b': NULL::INT}]}"]) {
      const parquet = [await bench.parquet('s.parquet', `SELECT 9 AS n, ${s} AS s`)];
      await expect(append(bench.ctx, good.snapshot, { parquet })).rejects.toMatchObject({
        code: expect.stringMatching(/RULE_VIOLATED|APPEND_SOURCE_UNFIT/),
      });
    }
  });
});

describe('values that the table makes', () => {
  test('generated columns and defaults are filled where rows lack them, and generated ones held to', async () => {
    await withBench('memory', async (bench) => {
      const schema = marked('id bigint, d string, g bigint, t timestamp', {
        d: { CURRENT_DEFAULT: "'none'" },
        g: { 'delta.generationExpression': 'id * 2 + length(d)' },
        t: { CURRENT_DEFAULT: 'current_timestamp()' },
      });
      const start = await markedTable(bench, schema);
      expect(start.protocol.writerFeatures).toContain('allowColumnDefaults');
      expect(start.protocol.writerFeatures).toContain('generatedColumns');
      const t = '2024-01-01T00:00:00.000000Z';
      const rows = [
        { id: 1, t },
        { id: 2, d: null, t },
        { id: 3, d: 'x', g: 7, t },
      ];
      const { snapshot } = await append(bench.ctx, start, { rows });
      const parquet = [await bench.parquet('p.parquet', 'SELECT 4 AS id')];
      const after = await append(bench.ctx, snapshot, { parquet });
      const found = await rowsOf(bench, after.snapshot);
      expect(found.map(({ id, d, g }) => [id, d, g])).toEqual([
        [1n, 'none', 6n],
        [2n, null, null],
        [3n, 'x', 7n],
        [4n, 'none', 12n],
      ]);
      expect(found[3]?.['t']).toMatch(/^\d{4}-/);
      await expect(
        append(bench.ctx, snapshot, { rows: [{ id: 3, d: 'x', g: 8 }] }),
      ).rejects.toMatchObject({ details: { rule: 'the generated column g' } });
    });
  });

  test('identity columns count on, with gaps at most, and refuse values of rows unless they are allowed', async () => {
    await withBench('memory', async (bench) => {
      const marks = (explicit: boolean): object => ({
        'delta.identity.start': 10,
        'delta.identity.step': -5,
        'delta.identity.allowExplicitInsert': explicit,
      });
      const schema = marked('k bigint not null, e bigint, v string', {
        k: marks(false),
        e: marks(true),
      });
      const start = await markedTable(bench, schema);
      const first = await append(bench.ctx, start, { rows: [{ v: 'a' }, { v: 'b', e: 1n }] });
      expect(await shownRows(bench, first.snapshot)).toEqual(['10 10 a', '5 1 b']);
      const parquet = [await bench.parquet('v.parquet', "SELECT 'c' AS v, 7::BIGINT AS e")];
      const second = await append(bench.ctx, start, { parquet });
      expect(await shownRows(bench, second.snapshot)).toEqual(['0 7 c', '10 10 a', '5 1 b']);
      const field = second.snapshot.schema.fields[0];
      expect(field?.metadata['delta.identity.highWaterMark']).toBe(0);
      await expect(append(bench.ctx, start, { rows: [{ v: 'a', k: 1 }] })).rejects.toMatchObject({
        code: 'COLUMN_GIVEN',
      });
      const replaced = await overwrite(bench.ctx, second.snapshot, { rows: [{ v: 'z' }] });
      expect(await shownRows(bench, replaced.snapshot)).toEqual(['-5 0 z']);
    });
  });

  test.each([
    ['INCREMENT BY 5', { given: [7n, 1n], mark: 6, next: 11n }],
    ['START WITH 10 INCREMENT BY -5', { given: [-7n, 1000n], mark: -5, next: -10n }],
  ])('an identity column %s goes on behind values that rows brought', async (count, it) => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const ddl = `k bigint GENERATED BY DEFAULT AS IDENTITY (${count}), v int`;
      let table = await tableOf(bench, ddl);
      const marks = (): unknown => table.schema.fields[0]?.metadata['delta.identity.highWaterMark'];
      expect(await syncIdentity(ctx, table, 'k')).toMatchObject({ kind: 'unchanged' });
      ({ snapshot: table } = await append(ctx, table, {
        rows: it.given.map((k) => ({ k, v: 1 })),
      }));
      ({ snapshot: table } = await syncIdentity(ctx, table, 'K'));
      expect(marks()).toBe(it.mark);
      expect(await syncIdentity(ctx, table, 'k')).toMatchObject({ kind: 'unchanged' });
      ({ snapshot: table } = await append(ctx, table, { rows: [{ v: 2 }] }));
      const rows = await rowsOf(bench, table);
      expect(rows.find(({ v }) => v === 2)?.['k']).toBe(it.next);
      await expect(syncIdentity(ctx, table, 'v')).rejects.toMatchObject({
        code: 'COLUMN_CHANGE_INVALID',
      });
    });
  });

  test('no identity is given twice to those who write at once', async () => {
    await withBench('memory', async (bench) => {
      const schema = marked('k bigint, v int', {
        k: { 'delta.identity.start': 1, 'delta.identity.step': 1 },
      });
      const start = await markedTable(bench, schema);
      await Promise.all(
        Array.from({ length: 6 }, (_, v) => append(bench.ctx, start, { rows: [{ v }, { v }] })),
      );
      const rows = await rowsOf(bench, await openSnapshot(bench.ctx));
      expect(new Set(rows.map(({ k }) => k)).size).toBe(12);
    });
  });
});

describe('merges', () => {
  test('are held to rules, fill what new rows lack, and generate anew what rests on what they assign', async () => {
    await withBench('memory', async (bench) => {
      const schema = marked('id bigint, d string, g bigint', {
        d: { CURRENT_DEFAULT: "'none'" },
        g: { 'delta.generationExpression': 'id * 2 + length(d)' },
      });
      const start = await markedTable(bench, schema);
      const checked = await addConstraint(bench.ctx, start, { name: 'c', expression: 'id < 50' });
      const { snapshot } = await append(bench.ctx, checked.snapshot, {
        rows: [{ id: 1 }, { id: 2 }],
      });
      const merged = await merge(bench.ctx, snapshot, {
        source: {
          rows: [
            { id: 2n, d: 'longer' },
            { id: 3n, d: 'x' },
          ],
        },
        on: 't.id = s.id',
        whenMatched: [{ update: { d: 's.d' } }],
        whenNotMatched: [{ condition: "s.d = 'x'", insert: { id: 's.id + 1' } }],
      });
      expect(await shownRows(bench, merged.snapshot)).toEqual([
        '1 none 6',
        '2 longer 10',
        '4 none 12',
      ]);
      const starred = await merge(bench.ctx, merged.snapshot, {
        source: { rows: [{ id: 7n }] },
        on: 't.id = s.id',
        whenNotMatched: [{ insert: '*' }],
      });
      expect(await shownRows(bench, starred.snapshot)).toContain('7 none 18');
      const before = await dataFiles(bench);
      const high = { rows: [{ id: 99n }] };
      for (const clauses of [
        { on: 't.id = s.id', whenNotMatched: [{ insert: { id: 's.id' } }] },
        { on: 't.id = 1', whenMatched: [{ update: { id: 's.id' } }] },
        { on: 't.id = 1', whenMatched: [{ update: { g: '5' } }] },
      ] as const) {
        await expect(
          merge(bench.ctx, starred.snapshot, { source: high, ...clauses }),
        ).rejects.toMatchObject({ code: 'RULE_VIOLATED' });
      }
      expect(await dataFiles(bench)).toEqual(before);
    });
  });

  test('number new rows where the table does, and generate what rests on the numbers', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(
        bench,
        'k bigint GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 10), v int, ' +
          'g bigint GENERATED ALWAYS AS (k + v)',
      );
      const { snapshot } = await append(bench.ctx, start, { rows: [{ v: 1 }] });
      expect(await shownRows(bench, snapshot)).toEqual(['10 1 11']);
      const merged = await merge(bench.ctx, snapshot, {
        source: { rows: [{ v: 1 }, { v: 2 }, { v: 3 }] },
        on: 't.v = s.v',
        whenMatched: [{ update: { v: 't.v + 4' } }],
        whenNotMatched: [{ condition: 's.v = 3', insert: { v: 's.v' } }, { insert: '*' }],
      });
      expect(merged).toMatchObject({ insertedCount: 2, updatedCount: 1 });
      const rows = await rowsOf(bench, merged.snapshot);
      expect(new Set(rows.map(({ v }) => v))).toEqual(new Set([2, 3, 5]));
      expect(rows.map(({ k, v, g }) => Number(k) + Number(v) - Number(g))).toEqual([0, 0, 0]);
      const numbers = new Set(rows.map(({ k }) => k));
      expect([numbers.size, numbers.has(10n)]).toEqual([3, true]);
      const more = await append(bench.ctx, merged.snapshot, { rows: [{ v: 9 }, { v: 9 }] });
      const all = await rowsOf(bench, more.snapshot);
      expect(new Set(all.map(({ k }) => k)).size).toBe(5);
    });
  });

  test('leave numbers alone, and take them from a source only where the table allows it', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(
        bench,
        'k bigint GENERATED ALWAYS AS IDENTITY, o bigint GENERATED BY DEFAULT AS IDENTITY, v int',
      );
      const { snapshot } = await append(bench.ctx, start, { rows: [{ v: 1 }] });
      const on = 't.v = s.v';
      const attempt = (spec: object): Promise<unknown> =>
        merge(bench.ctx, snapshot, { source: { rows: [{ k: 7n, o: 8n, v: 1 }] }, on, ...spec });
      for (const column of ['k', 't.K', 'o']) {
        await expect(
          attempt({ whenMatched: [{ update: { [column]: '5' } }] }),
        ).rejects.toMatchObject({ code: 'MERGE_COLUMN' });
      }
      for (const insert of ['*', { k: 's.k', v: '2' }]) {
        await expect(attempt({ whenNotMatched: [{ insert }] })).rejects.toMatchObject({
          code: 'COLUMN_GIVEN',
        });
      }
      await attempt({
        whenMatched: [{ condition: 's.v = 2', update: '*' }],
        whenNotMatchedBySource: [{ delete: true }],
      });
      const unchanged = await rowsOf(bench, await openSnapshot(bench.ctx));
      expect(unchanged).toEqual([{ k: 1n, o: 1n, v: 1 }]);
      const given = await merge(bench.ctx, snapshot, {
        source: { rows: [{ o: 80n, v: 2 }] },
        on,
        whenMatched: [{ update: '*' }],
        whenNotMatched: [{ insert: '*' }],
      });
      expect(await shownRows(bench, given.snapshot)).toEqual(['1 1 1', '2 80 2']);
    });
  });

  test.each(['copy-on-write', 'deletion-vectors'] as const)(
    'tell the same numbers in rows and in changes (%s)',
    async (mode) => {
      await withBench('memory', async (bench) => {
        const properties = {
          'delta.enableChangeDataFeed': 'true',
          'delta.enableDeletionVectors': 'true',
        };
        const ddl = 'k bigint GENERATED ALWAYS AS IDENTITY, v int, p int';
        const start = await tableOf(bench, ddl, { properties, partitionBy: ['p'] });
        const { snapshot } = await append(bench.ctx, start, { rows: [{ v: 1, p: 0 }] });
        const rows = [1, 2, 3, 4, 5].map((v) => ({ v, p: v % 2 }));
        const merged = await merge(bench.ctx, snapshot, {
          source: { rows },
          on: 't.v = s.v',
          whenMatched: [{ update: '*' }],
          whenNotMatched: [{ condition: 's.v <> 3', insert: '*' }],
          mode,
        });
        const changes = await Array.fromAsync(
          readChanges(bench.ctx, merged.snapshot, { fromVersion: merged.snapshot.version }),
        );
        const after = changes.flatMap(({ k, v, p, _change_type: type }) =>
          type === 'insert' || type === 'update_postimage' ? [text({ k, v, p })] : [],
        );
        const found = (await rowsOf(bench, merged.snapshot)).map(text);
        expect(after.toSorted()).toEqual(found.toSorted());
        expect(found).toHaveLength(4);
      });
    },
  );

  test('no number is given twice to merges at once', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'k bigint GENERATED ALWAYS AS IDENTITY, v int');
      await Promise.all(
        [1, 2, 3].map((v) =>
          merge(bench.ctx, start, {
            source: { rows: [{ v }, { v: v + 10 }] },
            on: 't.v = s.v',
            whenNotMatched: [{ insert: '*' }],
          }),
        ),
      );
      const rows = await rowsOf(bench, await openSnapshot(bench.ctx));
      expect(new Set(rows.map(({ k }) => k)).size).toBe(6);
    });
  });
});

describe('tables that are made with values of their own', () => {
  test('have the features for them', async () => {
    await withBench('memory', async (bench) => {
      const { protocol } = await tableOf(
        bench,
        "id bigint GENERATED BY DEFAULT AS IDENTITY, a int DEFAULT 7, b int GENERATED ALWAYS AS (a + 1), c string COMMENT 'x'",
      );
      expect(protocol).toMatchObject({ minReaderVersion: 1, minWriterVersion: 7 });
      expect(protocol.writerFeatures).toEqual(
        expect.arrayContaining(['allowColumnDefaults', 'generatedColumns', 'identityColumns']),
      );
    });
  });

  test('may be others that take such columns with all of their rows', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, "a int, b int DEFAULT 3 COMMENT 'x'");
      const rows = [{ a: 1 }, { a: 2 }];
      const options = { overwriteSchema: true };
      const made = parseDdl(
        'a int, k bigint GENERATED ALWAYS AS IDENTITY, g int GENERATED ALWAYS AS (a * 2)',
      );
      const { snapshot } = await overwrite(bench.ctx, start, { rows, schema: made }, options);
      expect(await shownRows(bench, snapshot)).toEqual(['1 1 2', '2 2 4']);
      const odd = parseDdl('a int, b int GENERATED ALWAYS AS (a), c int GENERATED ALWAYS AS (b)');
      await expect(
        overwrite(bench.ctx, snapshot, { rows, schema: odd }, options),
      ).rejects.toMatchObject({ code: 'COLUMN_VALUES_INVALID' });
      const plain = { rows: [{ b: 1 }], schema: parseDdl('a int, b int') };
      const after = await overwrite(bench.ctx, snapshot, plain, options);
      expect(after.snapshot.schema).toEqual(parseDdl('a int, b int'));
      expect(await shownRows(bench, after.snapshot)).toEqual(['null 1']);
    });
  });

  test.each([
    ['a int GENERATED ALWAYS AS IDENTITY, b int', 'COLUMN_VALUES_INVALID', /is a bigint/],
    [
      'a bigint GENERATED ALWAYS AS IDENTITY (INCREMENT BY 0), b int',
      'COLUMN_VALUES_INVALID',
      /all be the same/,
    ],
    ['p bigint GENERATED ALWAYS AS IDENTITY, b int', 'COLUMN_VALUES_INVALID', /partition/],
    [
      'a int, b int GENERATED ALWAYS AS (a), c int GENERATED ALWAYS AS (b)',
      'COLUMN_VALUES_INVALID',
      /generated from b, which is generated itself/,
    ],
    ['a int, b int GENERATED ALWAYS AS (nope)', 'RULE_UNSUPPORTED', /nope/],
    ['a int, b int GENERATED ALWAYS AS (a + rand())', 'RULE_UNSUPPORTED', /rand/],
    [
      'a timestamp, b timestamp GENERATED ALWAYS AS (current_timestamp())',
      'RULE_UNSUPPORTED',
      /current_timestamp/,
    ],
    ['a int, b int DEFAULT a', 'RULE_UNSUPPORTED', /the default of the column b/],
  ])('are refused with %s', async (ddl, code, message) => {
    await withBench('memory', async (bench) => {
      const partitionBy = ddl.startsWith('p ') ? ['p'] : [];
      await expect(tableOf(bench, ddl, { partitionBy })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      await expect(openSnapshot(bench.ctx)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    });
  });
});
