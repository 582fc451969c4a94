/**
 * What each commit changed, as files to read: from its change data files, else from what it added and removed. PROTOCOL.md,
 * "Reader Requirements for AddCDCFile".
 */

import {
  type Action,
  type AddFile,
  type CdcFile,
  hasInCommitTimestamps,
  type Metadata,
  pathKey,
  type RemoveFile,
  vectorId,
} from '../../log/index.ts';
import { listVersions } from '../commit-source.ts';
import { commitTimes, readCommitsIfThere } from '../log-files.ts';
import { openSnapshot } from '../open.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { changesGone, changesNotRecorded, changesRange } from './errors.ts';
import { liveFiles } from './files.ts';
import type { FileToRead } from './scan-files.ts';

/** Both inclusive. */
export interface VersionRange {
  readonly fromVersion: number;
  /** Default: the newest version. */
  readonly toVersion?: number;
}

/** Rows that changed in one way in one version. */
export interface ChangeSet {
  readonly version: number;
  /** Of the commit, in milliseconds since the epoch. */
  readonly timestampMs: number;
  /** Null where the files themselves tell, in the column `_change_type`. */
  readonly changeType: 'insert' | 'delete' | null;
  readonly files: readonly FileToRead[];
}

export interface ChangePlan {
  /** The table at the last version: its schema is that of the rows. */
  readonly snapshot: Snapshot;
  /** In the order of versions; a version that changed no row has none. */
  readonly sets: AsyncIterable<ChangeSet>;
}

/**
 * Errors: `CHANGES_RANGE` (invalid), those of opening the table at a version; while the sets are read, those of reading
 * the log, `CHANGES_GONE` and `CHANGES_NOT_RECORDED` (invalid).
 */
export async function planChanges(
  ctx: TableContext,
  latest: Snapshot,
  { fromVersion, toVersion = latest.version }: VersionRange,
): Promise<ChangePlan> {
  if (fromVersion > toVersion || toVersion > latest.version) {
    throw changesRange(fromVersion, toVersion, latest.version);
  }
  const at = (version: number): Promise<Snapshot> =>
    version === latest.version ? Promise.resolve(latest) : openSnapshot(ctx, { version });
  const snapshot = await at(toVersion);
  const { metadata } = await at(fromVersion);
  const versions = { first: fromVersion, last: toVersion };
  return { snapshot, sets: changeSets(ctx, snapshot, { ...versions, metadata }) };
}

async function* changeSets(
  ctx: TableContext,
  snapshot: Snapshot,
  range: { readonly first: number; readonly last: number; readonly metadata: Metadata },
): AsyncGenerator<ChangeSet> {
  const { commits } = await listVersions(ctx, 0);
  const times = commitTimes(commits);
  const byVersion = new Map(commits.map((commit) => [commit.version, commit]));
  let { metadata } = range;
  for (let version = range.first; version <= range.last; version += 1) {
    const commit = byVersion.get(version);
    if (commit === undefined) throw changesGone(version, commits[0]?.version ?? null);
    const [read] = await readCommitsIfThere(ctx.store, [commit]);
    if (read === undefined || read === null) {
      const [first] = (await listVersions(ctx, 0)).commits;
      throw changesGone(version, first?.version ?? null);
    }
    const { actions } = read;
    metadata = actions.findLast((action) => action.kind === 'metaData')?.metaData ?? metadata;
    if (metadata.configuration['delta.enableChangeDataFeed']?.toLowerCase() !== 'true') {
      throw changesNotRecorded(version);
    }
    const fileTimeMs = times.get(version) ?? commit.modifiedMs;
    const timestampMs = ownTime(actions, metadata) ?? fileTimeMs;
    for (const set of await setsOf(ctx, snapshot, { version, actions })) {
      if (set.files.length > 0) yield { ...set, version, timestampMs };
    }
  }
}

type CommitSet = Pick<ChangeSet, 'changeType' | 'files'>;

async function setsOf(
  ctx: TableContext,
  snapshot: Snapshot,
  commit: { readonly version: number; readonly actions: readonly Action[] },
): Promise<readonly CommitSet[]> {
  const { actions } = commit;
  const cdc = actions.flatMap((action) => (action.kind === 'cdc' ? [fileOf(action.cdc)] : []));
  if (cdc.length > 0) return [{ changeType: null, files: typed(snapshot, cdc) }];
  const added = new Map(
    actions.flatMap((action) =>
      action.kind === 'add' && action.add.dataChange
        ? [[pathKey(action.add.path), action.add] as const]
        : [],
    ),
  );
  const removed = await describedRemoves(ctx, commit);
  const deletes: FileToRead[] = [];
  const inserts: FileToRead[] = [];
  for (const file of typed(snapshot, removed)) {
    const key = pathKey(file.add.path);
    const after = added.get(key);
    if (after === undefined) {
      deletes.push(file);
      continue;
    }
    // The same file with another vector: only what one of the two hides has changed.
    added.delete(key);
    const [old, now] = [file.add.deletionVector, after.deletionVector];
    if (vectorId(old) === vectorId(now)) continue;
    deletes.push({ ...file, only: { hiddenBy: now, notBy: old } });
    inserts.push({ ...file, only: { hiddenBy: old, notBy: now } });
  }
  inserts.push(...typed(snapshot, added.values()));
  return [
    { changeType: 'delete', files: deletes },
    { changeType: 'insert', files: inserts },
  ];
}

/** The removed files with what must be known to read them; where a commit does not tell, the version before it does. */
async function describedRemoves(
  ctx: TableContext,
  { version, actions }: { readonly version: number; readonly actions: readonly Action[] },
): Promise<readonly AddFile[]> {
  const removes = actions.flatMap((action) =>
    action.kind === 'remove' && action.remove.dataChange ? [action.remove] : [],
  );
  const before = removes.some((remove) => !isDescribed(remove))
    ? await openSnapshot(ctx, { version: version - 1 })
    : null;
  return removes.flatMap((remove) => {
    const { path, partitionValues, size, deletionVector } = remove;
    if (partitionValues === undefined || size === undefined) return before?.file(path) ?? [];
    const vector = deletionVector === undefined ? {} : { deletionVector };
    return [fileOf({ path, partitionValues, size, ...vector })];
  });
}

function isDescribed({ partitionValues, size }: RemoveFile): boolean {
  return partitionValues !== undefined && size !== undefined;
}

function fileOf({
  path,
  partitionValues,
  size,
  ...rest
}: Pick<CdcFile, 'path' | 'partitionValues' | 'size'> & Pick<AddFile, 'deletionVector'>): AddFile {
  const vector = rest.deletionVector === undefined ? {} : { deletionVector: rest.deletionVector };
  return { path, partitionValues, size, modificationTime: 0, dataChange: true, ...vector };
}

function typed(snapshot: Snapshot, files: Iterable<AddFile>): readonly FileToRead[] {
  return [...liveFiles(snapshot, { where: null, statistics: null, files })];
}

/** The time that a commit itself carries, where the table says that this one counts. */
function ownTime(actions: readonly Action[], metadata: Metadata): number | null {
  if (!hasInCommitTimestamps(metadata)) return null;
  const info = actions.find((action) => action.kind === 'commitInfo')?.commitInfo;
  const time = info?.['inCommitTimestamp'];
  return typeof time === 'number' ? time : null;
}
