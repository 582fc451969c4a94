/** What a vacuum deletes: old files below a table that nothing needs any more. */

import pLimit from 'p-limit';

import { assert, present } from '../../base/index.ts';
import { earliestVersion, LOG_FOLDER } from '../../log/index.ts';
import { encodePath, escapeHive, findField, physicalName } from '../../schema/index.ts';
import { keysOfClones } from '../clones.ts';
import { listVersions } from '../commit-source.ts';
import { readCommitsIfThere } from '../log-files.ts';
import { manifestPaths } from '../manifest.ts';
import { openSnapshot } from '../open.ts';
import { pathsOfActions, pathsOfFile, retainedPaths, versionBefore } from '../retained-files.ts';
import { tableSnapshot } from '../snapshot.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { liteIncomplete } from './housekeeping-errors.ts';
import { readInventory } from './vacuum-inventory.ts';
import { readVacuumedTo } from './vacuum-log.ts';

/** A file to delete. */
export interface VacuumedFile {
  /** The key below the table. */
  readonly path: string;
  readonly sizeBytes: number;
}

export interface VacuumPlan {
  readonly files: readonly VacuumedFile[];
  /** Folders that were looked through; 0 where none was listed. */
  readonly folderCount: number;
  /** Old files that only a shallow clone, or a published manifest, still needs. */
  readonly keptForOthers: number;
  /** The last version outside of the retention; null where all that are there are inside. */
  readonly coveredTo: number | null;
}

export interface VacuumScope {
  readonly mode: 'full' | 'lite';
  /** Versions that were the newest at this time or after, and files that were written then, stay. */
  readonly sinceMs: number;
  readonly inventory: string | null;
  readonly forgetClones: readonly string[];
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
}

/** Heads of objects that are under way at once. */
const HEADS_MAX = 16;
/** Commits that are read at once. */
const READS_MAX = 16;

/**
 * The plan, proved before it is given: no file of the snapshot, nor of the oldest version that is to stay, is in it. Errors:
 * `VACUUM_LITE_INCOMPLETE`, `VACUUM_INVENTORY`, `VACUUM_CLONE_UNREADABLE`, those of reading the log and of the store.
 */
export async function planVacuum(
  ctx: TableContext,
  snapshot: Snapshot,
  scope: VacuumScope,
): Promise<VacuumPlan> {
  const { commits } = await listVersions(ctx, 0);
  const coveredTo = versionBefore(commits, scope.sinceMs);
  // Candidates first: what is committed meanwhile is younger than any of them.
  const candidates = await candidatesOf(ctx, snapshot, scope, coveredTo);
  const own = new Set<string>();
  for await (const key of ownKeys(ctx, snapshot, scope.sinceMs)) own.add(key);
  const unused = candidates.files.filter(({ path }) => !own.has(path));
  const others = unused.length === 0 ? new Set<string>() : await keysOfOthers(ctx, snapshot, scope);
  const files = unused.filter(({ path }) => !others.has(path));
  const plan = {
    files,
    folderCount: candidates.folderCount,
    keptForOthers: unused.length - files.length,
    coveredTo,
  };
  await prove(ctx, snapshot, plan);
  return plan;
}

/** Keys that published manifests and shallow clones name. */
async function keysOfOthers(
  ctx: TableContext,
  snapshot: Snapshot,
  { forgetClones: forget, dryRun }: VacuumScope,
): Promise<ReadonlySet<string>> {
  const keys = new Set(await keysOfClones(ctx, { forget, dryRun }));
  for await (const uri of manifestPaths(ctx, snapshot.version)) {
    const key = keyOfManifestLine(encodedRoot(ctx.store), uri);
    if (key !== null) keys.add(key);
  }
  return keys;
}

/** Manifests are not encoded: a percent sign in them is one. */
function keyOfManifestLine(root: string, uri: string): string | null {
  return keyBelow(root, uri.replaceAll('%', '%25'), { isOwn: false });
}

interface Candidates {
  readonly files: readonly VacuumedFile[];
  readonly folderCount: number;
}

async function candidatesOf(
  ctx: TableContext,
  snapshot: Snapshot,
  scope: VacuumScope,
  coveredTo: number | null,
): Promise<Candidates> {
  if (scope.mode === 'lite') return removedFiles(ctx, snapshot, scope, coveredTo);
  return scope.inventory === null
    ? listedFiles(ctx, snapshot, scope)
    : inventoriedFiles(ctx, snapshot, { ...scope, inventory: scope.inventory });
}

async function listedFiles(
  { store }: TableContext,
  snapshot: Snapshot,
  { sinceMs, signal }: VacuumScope,
): Promise<Candidates> {
  const isHidden = hiddenIn(snapshot);
  const files: VacuumedFile[] = [];
  const folders = new Set<string>(['']);
  const tables = new Set<string>();
  const skip = (path: string): boolean => {
    const inner = path.indexOf(`/${LOG_FOLDER}/`);
    if (inner > 0) tables.add(path.slice(0, inner));
    return isHidden(path);
  };
  for await (const { path, sizeBytes, modifiedMs } of store.list('', { recursive: true, skip })) {
    signal?.throwIfAborted();
    folders.add(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    if (modifiedMs < sinceMs) files.push({ path, sizeBytes });
  }
  return { files: files.filter(({ path }) => !isIn(tables, path)), folderCount: folders.size };
}

/** Whether a path is of another table that lies within this one. */
function isIn(tables: ReadonlySet<string>, path: string): boolean {
  if (tables.size === 0) return false;
  for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1)) {
    if (tables.has(path.slice(0, end))) return true;
  }
  return false;
}

/** An inventory may be old, and spell paths in its own way: so each file is looked at. */
async function inventoriedFiles(
  ctx: TableContext,
  snapshot: Snapshot,
  { inventory, sinceMs }: VacuumScope & { readonly inventory: string },
): Promise<Candidates> {
  const isHidden = hiddenIn(snapshot);
  const keys = new Set<string>();
  const tables = new Set<string>();
  for await (const { path, modifiedMs } of readInventory(ctx, inventory)) {
    for (const spelling of [path.replaceAll('%', '%25'), path]) {
      const key = keyBelow(encodedRoot(ctx.store), spelling, { isOwn: false });
      const inner = key?.indexOf(`/${LOG_FOLDER}/`) ?? -1;
      if (key !== null && inner > 0) tables.add(key.slice(0, inner));
      if (key !== null && key !== '' && modifiedMs < sinceMs && !isHidden(key)) keys.add(key);
    }
  }
  const there = await look(ctx, keys, sinceMs);
  return { files: there.filter(({ path }) => !isIn(tables, path)), folderCount: 0 };
}

/** Those of the files that are there and old. */
async function look(
  { store }: TableContext,
  keys: Iterable<string>,
  sinceMs: number,
): Promise<readonly VacuumedFile[]> {
  const found = await pLimit(HEADS_MAX).map([...keys], (key) => store.head(key));
  return found.flatMap((meta) => {
    if (meta === null || meta.modifiedMs >= sinceMs) return [];
    return [{ path: meta.path, sizeBytes: meta.sizeBytes }];
  });
}

/** What commits outside of the retention, and after the last vacuum, took away: what the log alone knows. */
async function removedFiles(
  ctx: TableContext,
  snapshot: Snapshot,
  { sinceMs }: VacuumScope,
  coveredTo: number | null,
): Promise<Candidates> {
  const { commits } = await listVersions(ctx, 0);
  const earliest = commits[0]?.version ?? snapshot.version;
  const vacuumedTo = await readVacuumedTo(ctx.store);
  if (earliest !== 0 && (vacuumedTo ?? -1) < earliest - 1)
    throw liteIncomplete(earliest, vacuumedTo);
  const [from, to] = [(vacuumedTo ?? -1) + 1, coveredTo ?? -1];
  const wanted = commits.filter(({ version }) => version >= from && version <= to);
  const isHidden = hiddenIn(snapshot);
  const keys = new Set<string>();
  for (let start = 0; start < wanted.length; start += READS_MAX) {
    const batch = wanted.slice(start, start + READS_MAX);
    for (const [place, commit] of (await readCommitsIfThere(ctx.store, batch)).entries()) {
      const { version } = present(batch[place], 'the file of a commit');
      if (commit === null) throw liteIncomplete(version + 1, vacuumedTo);
      for (const path of pathsOfActions(commit.actions)) {
        const key = keyBelow(encodedRoot(ctx.store), path, { isOwn: true });
        if (key !== null && !isHidden(key)) keys.add(key);
      }
    }
  }
  for await (const key of ownKeys(ctx, snapshot, sinceMs)) keys.delete(key);
  return { files: await look(ctx, keys, sinceMs), folderCount: 0 };
}

async function* ownKeys(
  ctx: TableContext,
  snapshot: Snapshot,
  sinceMs: number,
): AsyncGenerator<string> {
  const root = encodedRoot(ctx.store);
  for await (const path of retainedPaths(ctx, snapshot, sinceMs)) {
    const key = keyBelow(root, path, { isOwn: true });
    if (key !== null) yield key;
  }
}

/**
 * Names that begin with `_` or `.` are not the table's data, but for change data and folders of partitions; nor is what an
 * Iceberg table beside it has. As in Spark.
 */
function hiddenIn({ partitionColumns, schema, metadata }: Snapshot): (path: string) => boolean {
  const prefixes = partitionColumns.flatMap((column) => {
    const field = findField(schema, column);
    const names = field === null ? [column] : [column, physicalName(field)];
    return names.flatMap((name) => [`${name}=`, `${escapeHive(name)}=`]);
  });
  const isIceberg = /iceberg/i.test(
    metadata.configuration['delta.universalFormat.enabledFormats'] ?? '',
  );
  return (path) => {
    const names = path.split('/');
    if (isIceberg && names[0] === 'metadata' && names.length > 1) return true;
    return names.some(
      (name) =>
        (name.startsWith('_') || name.startsWith('.')) &&
        name !== '_change_data' &&
        !prefixes.some((prefix) => name.startsWith(prefix)),
    );
  };
}

/** Stops with a bug where a file that is needed is to be deleted: by another way than the one that the plan was made. */
async function prove(
  ctx: TableContext,
  snapshot: Snapshot,
  { files, coveredTo }: VacuumPlan,
): Promise<void> {
  if (files.length === 0) return;
  const paths = new Set(files.map(({ path }) => path));
  for (const { path } of files) {
    assert(!path.startsWith(`${LOG_FOLDER}/`), `a vacuum was to delete ${path} of the log`);
    assert(
      snapshot.file(encodePath(path)) === null,
      `a vacuum was to delete the live file ${path}`,
    );
  }
  const oldest = coveredTo === null ? null : await openIfKept(ctx, snapshot, coveredTo);
  for (const file of oldest?.files() ?? []) {
    for (const path of pathsOfFile(file)) {
      const key = keyBelow(encodedRoot(ctx.store), path, { isOwn: true });
      const needed = key !== null && paths.has(key);
      assert(!needed, `a vacuum was to delete ${path} of version ${String(coveredTo)}`);
    }
  }
}

/** The version that was the newest when the retention began; null where the log cannot give it any more. */
async function openIfKept(
  ctx: TableContext,
  snapshot: Snapshot,
  version: number,
): Promise<Snapshot | null> {
  if (version === tableSnapshot(snapshot).version) return snapshot;
  const listing = await listVersions(ctx, 0);
  return version < earliestVersion(listing) ? null : openSnapshot(ctx, { version });
}
