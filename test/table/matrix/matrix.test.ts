/**
 * Every operation on every kind of table: it works, and leaves the rows that it must, or is refused by a code and leaves what
 * was there. `MATRIX=write` puts what was seen into the README.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  type DeltaError,
  isDeltaError,
  ManualClock,
  seededRandom,
} from '../../../src/base/index.ts';
import {
  DeltaTable,
  examine,
  tableContext,
  type TableTools,
  tableTools,
} from '../../../src/table/index.ts';
import { COLUMNS, idsOf, KINDS, type TableKind } from './kinds.ts';
import { type Cell, type Operation, OPERATIONS, type Outcome } from './operations.ts';
import { base, type Before, plainRow, textOf } from './rows.ts';

const README = join(import.meta.dirname, '../../../README.md');
const START = '<!-- matrix -->\n';
const END = '<!-- /matrix -->';

const HOUR_MS = 3_600_000;

const clock = new ManualClock();
/** By operation and kind. */
const seen = new Map<string, string>();
let folder: string;
let tools: TableTools;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-'));
  tools = tableTools({ clock, random: seededRandom(17), tempDirectory: folder });
});

afterAll(async () => {
  await tools.close();
  await rm(folder, { recursive: true, force: true });
});

describe.each(KINDS)('$name', (kind) => {
  test.each(OPERATIONS)('$name', async (operation) => {
    seen.set(keyOf(operation, kind), await outcomeOf(operation, kind));
  });
});

test('the README says so', () => {
  const readme = readFileSync(README, 'utf8');
  const [head = '', rest = ''] = readme.split(START);
  const [, tail = ''] = rest.split(END);
  const text = `${head}${START}\n${table()}\n${END}${tail}`;
  if (process.env['MATRIX'] === 'write') writeFileSync(README, text);
  else expect(readme, 'MATRIX=write npx vitest run test/table/matrix writes it').toBe(text);
});

function keyOf({ name }: Operation, kind: TableKind): string {
  return `${name} / ${kind.name}`;
}

function table(): string {
  const header = ['operation', ...KINDS.map(({ name }) => name)];
  const lines = OPERATIONS.map((operation) => [
    operation.name,
    ...KINDS.map((kind) => seen.get(keyOf(operation, kind)) ?? 'not run'),
  ]);
  const print = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return `${print(header)}|${header.map(() => '---|').join('')}\n${lines.map(print).join('')}`;
}

/** `yes`, the code of the refusal, or a dash where the operation means nothing. */
async function outcomeOf(operation: Operation, kind: TableKind): Promise<string> {
  if (operation.appliesTo?.(kind) === false) return '–';
  const { cell, before } = await newCell(operation, kind);
  const outcome = await operation.run(cell).catch(refusalOf);
  if ('rows' in outcome) {
    await checkWorked(cell, before, outcome);
    return 'yes';
  }
  const table = await DeltaTable.open(tools, cell.uri);
  const rows = base(await Array.fromAsync(table.scan()), Object.keys(plainRow(1)));
  expect(rows.map(textOf).toSorted()).toEqual(before.rows.map(textOf).toSorted());
  return `\`${outcome.code}\``;
}

/** What a caller is told cannot be done; anything else is a bug. */
function refusalOf(error: unknown): DeltaError {
  if (isDeltaError(error) && (error.kind === 'invalid' || error.kind === 'unsupported'))
    return error;
  throw error;
}

async function newCell(
  operation: Operation,
  kind: TableKind,
): Promise<{ readonly cell: Cell; readonly before: Before }> {
  const uri = `memory://${operation.name.replaceAll(' ', '-')}/${kind.name.replaceAll(' ', '-')}`;
  const table = await DeltaTable.create(tools, uri, { schema: COLUMNS, ...kind.spec });
  await kind.prepare?.(table);
  const files = [
    [1, 2, 3],
    [4, 5, 6],
  ].map((ids) => ids.map((id) => plainRow(id)));
  for (const rows of files) {
    clock.advance(HOUR_MS);
    await table.append({ rows });
  }
  const own = (await kind.season?.(table)) ?? [];
  const others = (await operation.season?.(table)) ?? [];
  const rows = [...files.flat(), ...own, ...others];
  const hasIds = kind.spec?.properties?.['delta.enableRowTracking'] === 'true';
  const ids = hasIds ? await idsOf(table) : new Map<string, unknown>();
  const before = { version: table.snapshot.version, rows, ids };
  return {
    cell: { kind, tools, clock, table, uri, store: tools.openStore(uri), before: rows },
    before,
  };
}

async function checkWorked(cell: Cell, before: Before, { rows, other }: Outcome): Promise<void> {
  const table = other ?? (await DeltaTable.open(tools, cell.uri));
  const after = await Array.fromAsync(table.scan());
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  expect(base(after, columns).map(textOf).toSorted()).toEqual(rows.map(textOf).toSorted());
  const { findings } = await examine(tableContext(tools, tools.openStore(table.uri)), {});
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  await cell.kind.check?.({ table, before, after, isSame: other === undefined });
}
