/**
 * Row ids for files that came before the table gave any: they are described anew with them, and no row changes.
 * PROTOCOL.md, "Writer Requirements for Row Tracking".
 */

import { isJsonObject, type JsonObject, parseJson, printJson } from '../../base/index.ts';
import { type Action, type AddFile, assignsRowIds, rowCountOf } from '../../log/index.ts';
import type { Alteration } from '../alter.ts';
import { fileAt } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { dataFileFooter } from './input-stage.ts';

/** Files that are described anew by one commit. */
const FILES_MAX = 100_000;

/** Whether every file of the table has row ids. */
export function hasRowIds(snapshot: Snapshot): boolean {
  for (const add of snapshot.files({ statistics: false })) if (lacksRowIds(add)) return false;
  return true;
}

/**
 * Describes the next files without row ids anew, as many as go into one commit; the commit gives them theirs. No actions
 * where all have some, or the table has given up giving any. Footers are read where the log does not say how many rows a
 * file has. Errors: those of footers and of the store.
 */
export async function backfill(
  ctx: TableContext,
  latest: Snapshot,
  batch: number,
): Promise<Alteration> {
  const files: AddFile[] = [];
  const isGiven = assignsRowIds(latest.protocol, latest.metadata);
  for (const add of isGiven ? latest.files() : []) {
    if (lacksRowIds(add)) files.push(add);
    if (files.length === FILES_MAX) break;
  }
  const counted = await inParallel(files, STORE_REQUESTS_MAX, (add) => withRowCount(ctx, add));
  return {
    operation: 'ROW TRACKING BACKFILL',
    operationParameters: { batchId: String(batch) },
    actions: counted.map((add): Action => ({ kind: 'add', add: { ...add, dataChange: false } })),
    reads: { kind: 'rows', predicate: null, paths: new Set(files.map(({ path }) => path)) },
  };
}

function lacksRowIds({ baseRowId }: AddFile): boolean {
  return baseRowId === undefined;
}

/** The file with its number of rows in its statistics, from its footer where the log has none. Errors: those of footers. */
export async function withRowCount(ctx: TableContext, add: AddFile): Promise<AddFile> {
  if (rowCountOf(add) !== null) return add;
  const file = { ...(await fileAt(ctx, add.path)), sizeBytes: add.size };
  const { rowCount } = await dataFileFooter(file);
  return { ...add, stats: printJson({ ...membersOf(add.stats), numRecords: rowCount }) };
}

function membersOf(stats: string | undefined): JsonObject {
  if (stats === undefined) return {};
  try {
    const members = parseJson(stats);
    return isJsonObject(members) ? members : {};
  } catch {
    // What is no JSON tells nobody anything.
    return {};
  }
}
