/** Holds what came of a run against the log: each version is what its commit makes of the one before, and can be read. */

import { DeltaTable } from '../../../src/table/delta-table.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { tableContext } from '../../../src/table/table-tools.ts';
import { judge } from '../judge.ts';
import { Violation } from '../table-state.ts';
import type { Operation } from './ledger.ts';
import { differenceOf, rowOf, type Rows, rowsOf, rowsText, type SimRow } from './rows.ts';
import { RETENTION_MS } from './terms.ts';
import { type OperationsWorld, TABLE_URI } from './world.ts';

/** Errors: `Violation`. */
export async function judgeEnd(world: OperationsWorld): Promise<void> {
  const { ledger, seen } = world;
  const history = await replayed(world);
  for (const operation of ledger.operations.values()) judgeUnchanged(operation, history);
  for (const { who, version, rows } of seen) {
    const wanted = history[version] ?? [];
    if (rowsText(rows) === rowsText(wanted)) continue;
    throw new Violation(`${who} read version ${version}, which ${differenceOf(rows, wanted)}`);
  }
  await judgeErased(world);
  await judgeVersions(world, history);
}

/** What was erased had such rows, and nothing that was left where all was said to be clean. */
async function judgeErased({
  ledger: { contents, erased },
  clean,
}: OperationsWorld): Promise<void> {
  for (const [path, { id, erases }] of erased) {
    const rows = await contents.storedRows(path);
    if (erases === null || !rows.some(erases)) throw new Violation(`${id} deleted ${path}`);
  }
  for (const { paths, erases } of clean) {
    for (const path of paths) {
      const row = (await contents.storedRows(path)).find(erases);
      if (row === undefined) continue;
      throw new Violation(`${path} was left with ${row.id}, and said to be clean`);
    }
  }
}

/** The rows of each version: those before it, changed by the operation whose commit it is, and those of its files. */
async function replayed({ ledger }: OperationsWorld): Promise<readonly Rows[]> {
  const history: Rows[] = [];
  for (const { version, operation, live } of ledger.versions) {
    const change = operation?.change ?? ((rows) => rows);
    const wanted = change(history.at(-1) ?? [], (at) => history[at] ?? []);
    const found = await Promise.all(live.map((file) => ledger.contents.rows(file)));
    const rows = found.flat();
    if (rowsText(rows) !== rowsText(wanted)) {
      const by = operation?.id ?? 'nobody';
      throw new Violation(`version ${version} (${by}) ${differenceOf(rows, wanted)}`);
    }
    history.push(wanted);
  }
  return history;
}

/** Who was told that nothing was to be done may have looked at any version while it ran. */
function judgeUnchanged(
  { id, told, change, from, until }: Operation,
  history: readonly Rows[],
): void {
  if (told !== 'unchanged' || change === null) return;
  const seen = history.slice(from, until + 1);
  const isSo = (rows: Rows): boolean =>
    rowsText(change(rows, (at) => history[at] ?? [])) === rowsText(rows);
  if (!seen.some(isSo)) throw new Violation(`${id} was told that it changes nothing`);
}

/** Each version that has to be there loads as it was committed, with all of its files; two of them are read. */
async function judgeVersions(world: OperationsWorld, history: readonly Rows[]): Promise<void> {
  const { ledger, objects, random, terms } = world;
  const tools = await world.calmTools();
  const ctx = tableContext(tools, tools.openStore(TABLE_URI));
  const latest = ledger.latest?.version ?? 0;
  const newest = await openSnapshot(ctx);
  if (newest.version !== latest) throw new Violation(`${newest.version} is not the last version`);
  for (let version = ledger.firstInLog(); version <= latest; version += 1) {
    judge(ledger, await openSnapshot(ctx, { version }));
  }
  const first = ledger.firstSince(RETENTION_MS);
  for (const { version, needs } of ledger.versions.slice(first)) {
    const gone = [...needs].find((path) => objects.find(path) === null && !ledger.erased.has(path));
    if (gone !== undefined) throw new Violation(`version ${version} lacks ${gone}`);
  }
  const some = first + Math.floor(random.float() * (latest - first + 1));
  for (const version of new Set([latest, some])) {
    if (ledger.isErased(version)) continue;
    const rows = await rowsOf(await DeltaTable.open(tools, TABLE_URI, { version }));
    const wanted = history[version] ?? [];
    if (rowsText(rows) === rowsText(wanted)) continue;
    throw new Violation(`version ${version} is read so that it ${differenceOf(rows, wanted)}`);
  }
  const hasFeed = terms.properties['delta.enableChangeDataFeed'] === 'true';
  if (!hasFeed || terms.erases || first === latest) return;
  await judgeChanges(await DeltaTable.open(tools, TABLE_URI), { first, history });
}

/** What the table says that changed behind a version makes of its rows those that there are now. */
async function judgeChanges(
  table: DeltaTable,
  { first, history }: { readonly first: number; readonly history: readonly Rows[] },
): Promise<void> {
  const come: SimRow[] = [];
  const gone: SimRow[] = [];
  for await (const row of table.readChanges({ fromVersion: first + 1 })) {
    const { _change_type: type } = row;
    const list = type === 'insert' || type === 'update_postimage' ? come : gone;
    list.push(rowOf(row));
  }
  const rows = [...(history[first] ?? []), ...come];
  const wanted = [...(history[table.snapshot.version] ?? []), ...gone];
  if (rowsText(rows) === rowsText(wanted)) return;
  throw new Violation(`what changed since version ${first} ${differenceOf(rows, wanted)}`);
}
