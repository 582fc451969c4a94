/** Every object below a table: what the log says of it, and how many rows in it match. */

import { type DeltaError, isDeltaError } from '../../base/index.ts';
import {
  type Action,
  type AddFile,
  earliestVersion,
  type Listing,
  LOG_FOLDER,
  type PartitionValues,
} from '../../log/index.ts';
import {
  type Expression,
  hivePartition,
  parsePartitionValue,
  physicalName,
  type Scalar,
  type StructType,
} from '../../schema/index.ts';
import type { ObjectMeta } from '../../store/index.ts';
import { listVersions } from '../commit-source.ts';
import { readCommitsIfThere } from '../log-files.ts';
import { manifestFolder } from '../manifest-layout.ts';
import { openSnapshot } from '../open.ts';
import { tableSnapshot } from '../snapshot.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { FileSearch, RowFile, Searched } from './erase-scan.ts';
import { liveFiles } from './files.ts';

/** Versions, both inclusive. A type alias, so that it counts as JSON where it is printed. */
export type VersionRange = {
  readonly from: number;
  readonly to: number;
};

/** A data file, or one of changed rows, that some version names. */
export interface NamedFile {
  readonly kind: 'data' | 'changes';
  /** Undefined where a tombstone does not tell. */
  readonly partitionValues: PartitionValues | undefined;
  /** Versions of the log as it is that read it, rising. */
  readonly ranges: readonly VersionRange[];
}

/** What the log names, as far back as it goes. */
export interface NamedFiles {
  readonly snapshot: Snapshot;
  /** The first version that can be opened. */
  readonly earliest: number;
  /** By their keys below the table. */
  readonly files: ReadonlyMap<string, NamedFile>;
  /** Keys of the newest version. */
  readonly live: ReadonlyMap<string, AddFile>;
  /** Files of the log that lie elsewhere. */
  readonly elsewhere: readonly AddFile[];
}

/** Commits that are read at once. */
const READS_MAX = 16;

/** Reads all of the log. Errors: those of opening versions and of reading commits. */
export async function namedFiles(ctx: TableContext, snapshot: Snapshot): Promise<NamedFiles> {
  let unreadable = -1;
  for (;;) {
    const all = await listVersions(ctx, 0);
    const checkpoints = all.checkpoints.filter(({ version }) => version > unreadable);
    const listing = { ...all, checkpoints };
    const earliest = Math.min(snapshot.version, earliestVersion(listing));
    try {
      const found = await namedBy(ctx, snapshot, { listing, earliest });
      if (found !== null) return found;
    } catch (error) {
      if (!isUnreadable(error) || earliest <= unreadable) throw error;
      // A clean-up took it meanwhile, or was cut short and left a torn checkpoint of it.
      unreadable = earliest;
    }
  }
}

/** Whether an error says that a version cannot be read. */
export function isUnreadable(error: unknown): error is DeltaError {
  return isDeltaError(error) && UNREADABLE.has(error.code);
}

/** Whether versions up to this one have left the log, as they do when it is cleaned up. */
export async function isCleanedUp(ctx: TableContext, version: number): Promise<boolean> {
  return earliestVersion(await listVersions(ctx, 0)) > version;
}

const UNREADABLE: ReadonlySet<string> = new Set([
  'VERSION_NOT_FOUND',
  'LOG_GAP',
  'CHECKPOINT_CORRUPT',
]);

/** Null where a commit was cleaned up since it was listed: what is there now is less. */
async function namedBy(
  ctx: TableContext,
  snapshot: Snapshot,
  { listing, earliest }: { readonly listing: Listing; readonly earliest: number },
): Promise<NamedFiles | null> {
  const names = new Names(encodedRoot(ctx.store));
  const start =
    earliest === snapshot.version ? snapshot : await openSnapshot(ctx, { version: earliest });
  for (const add of start.files()) names.add(add, earliest);
  for (const remove of tableSnapshot(start).state.tombstones.values()) names.touch(remove);
  const wanted = listing.commits.filter(({ version }) => version <= snapshot.version);
  for (let first = 0; first < wanted.length; first += READS_MAX) {
    const read = await readCommitsIfThere(ctx.store, wanted.slice(first, first + READS_MAX));
    for (const commit of read) {
      if (commit === null) return null;
      names.commit(commit.version, commit.actions, commit.version > earliest);
    }
  }
  return names.finish(snapshot, earliest);
}

/** Whether a file may hold a row for which the condition is true, as far as partition and statistics tell. */
export function mayHold(snapshot: Snapshot, where: Expression, add: AddFile): boolean {
  const { schema, partitionColumns } = snapshot;
  const values = valuesOf(schema, add.partitionValues);
  // Of a time when the table was partitioned by other columns: then nothing is told of these.
  if (!partitionColumns.every((name) => values.has(name))) return true;
  const statistics: StructType = { ...schema, fields: [] };
  const [found] = liveFiles(snapshot, { where, statistics, files: [add] });
  return found !== undefined;
}

export type FileKind = 'live' | 'older' | 'changes' | 'orphan';

/** An object with rows, or what looks like one. */
export interface SurveyedFile {
  readonly meta: ObjectMeta;
  /** `orphan`: no version that the log knows names it. */
  readonly kind: FileKind;
  readonly ranges: readonly VersionRange[];
  readonly searched: Searched;
}

/** Whether it is known to hold a matching row. */
export function isMatched({ searched }: SurveyedFile): boolean {
  return searched.kind === 'rows' && searched.matchCount > 0;
}

/** Its key below the table. */
export function keyOf({ meta }: SurveyedFile): string {
  return meta.path;
}

export interface Survey {
  readonly names: NamedFiles;
  readonly files: readonly SurveyedFile[];
  /** Objects of symlink manifests. */
  readonly manifests: readonly ObjectMeta[];
  /** Folders of other tables below this one, which are left alone. */
  readonly tables: readonly string[];
}

/** Lists and searches all that is below the table but its log. Errors: those of `FileSearch` and of the store. */
export async function survey(
  ctx: TableContext,
  names: NamedFiles,
  search: FileSearch,
): Promise<Survey> {
  const { objects, tables } = await objectsBelow(ctx);
  const manifests = objects.filter(({ path }) => path.startsWith(manifestFolder(0)));
  const candidates = objects.filter((meta) => mayHoldRows(meta));
  const { snapshot } = names;
  const found = await search.search(
    snapshot,
    candidates.map((meta) => rowFile(names, meta)),
  );
  const files = candidates.flatMap((meta, index): readonly SurveyedFile[] => {
    const searched = found[index];
    if (searched === undefined || searched.kind === 'gone') return [];
    const ranges = names.files.get(meta.path)?.ranges ?? [];
    return [{ meta, kind: kindOf(names, meta.path), ranges, searched }];
  });
  return { names, files, manifests, tables };
}

async function objectsBelow({
  store,
}: TableContext): Promise<{ readonly objects: readonly ObjectMeta[]; readonly tables: string[] }> {
  const objects: ObjectMeta[] = [];
  const tables = new Set<string>();
  const skip = (path: string): boolean => {
    const inner = path.indexOf(`/${LOG_FOLDER}/`);
    if (inner > 0) tables.add(path.slice(0, inner));
    return path.startsWith(`${LOG_FOLDER}/`);
  };
  for await (const meta of store.list('', { recursive: true, skip })) objects.push(meta);
  const isOwn = ({ path }: ObjectMeta): boolean =>
    ![...tables].some((table) => path.startsWith(`${table}/`));
  return { objects: objects.filter(isOwn), tables: [...tables].sort() };
}

/** Checksums that file systems put beside files, deletion vectors and the marks of jobs hold no value of any row. */
const WITHOUT_VALUES =
  /(?:^|\/)(?:\.[^/]*\.crc|deletion_vector_[^/]*\.bin|_SUCCESS|_(?:started|committed)_\d+)$/;

function mayHoldRows({ path, sizeBytes }: ObjectMeta): boolean {
  return sizeBytes > 0 && !WITHOUT_VALUES.test(path) && !path.startsWith(manifestFolder(0));
}

function kindOf({ files, live }: NamedFiles, key: string): FileKind {
  if (live.has(key)) return 'live';
  const named = files.get(key);
  if (named === undefined) return 'orphan';
  return named.kind === 'data' ? 'older' : 'changes';
}

/** The object, with what stands of its rows elsewhere. */
export function rowFile({ snapshot, files }: NamedFiles, meta: ObjectMeta): RowFile {
  const { schema, partitionColumns } = snapshot;
  const told = files.get(meta.path)?.partitionValues;
  if (told !== undefined) return { ...meta, values: valuesOf(schema, told) };
  // Of a file that no commit names the folders alone can tell, as all writers name them.
  const folders = Object.fromEntries(hivePartition(meta.path));
  const values = [...valuesOf(schema, folders)];
  return { ...meta, values: new Map(values.filter(([name]) => partitionColumns.includes(name))) };
}

/** Values of columns of the schema that do not stand in the file, as far as they are told. */
function valuesOf(schema: StructType, told: PartitionValues): ReadonlyMap<string, Scalar | null> {
  const values = new Map<string, Scalar | null>();
  const keys = new Map(Object.keys(told).map((key) => [key.toLowerCase(), key]));
  for (const field of schema.fields) {
    const key = keys.get(physicalName(field).toLowerCase()) ?? keys.get(field.name.toLowerCase());
    if (key === undefined) continue;
    try {
      values.set(field.name, parsePartitionValue(told[key] ?? null, field.type));
    } catch (error) {
      // Of a time when the column had another type, or of a folder that means something else: then it is not told.
      if (!isDeltaError(error)) throw error;
    }
  }
  return values;
}

interface MutableNamed {
  readonly kind: NamedFile['kind'];
  partitionValues: PartitionValues | undefined;
  readonly ranges: VersionRange[];
  /** Since when it is live, if it is. */
  since: number | null;
}

/** Gathers what commits name, in the order of their versions. */
class Names {
  readonly #root: string;
  readonly #files = new Map<string, MutableNamed>();
  readonly #elsewhere = new Map<string, AddFile>();

  constructor(root: string) {
    this.#root = root;
  }

  /** `counts`: whether the version can be opened, so that it reads the files. */
  commit(version: number, actions: readonly Action[], counts: boolean): void {
    for (const action of actions) {
      if (action.kind === 'remove') {
        const named = this.touch(action.remove);
        if (counts && named !== null) close(named, version - 1);
      }
      if (action.kind === 'cdc') {
        this.#named('changes', action.cdc)?.ranges.push({ from: version, to: version });
      }
    }
    // Behind the removals: a file that gets a deletion vector is removed and added at once.
    for (const action of actions) {
      if (action.kind !== 'add') continue;
      if (counts) this.add(action.add, version);
      else this.touch(action.add);
    }
  }

  add(add: AddFile, version: number): void {
    const named = this.#named('data', add);
    if (named !== null) named.since ??= version;
  }

  touch(file: Pick<AddFile, 'path'> & Partial<AddFile>): MutableNamed | null {
    return this.#named('data', file);
  }

  finish(snapshot: Snapshot, earliest: number): NamedFiles {
    const live = new Map<string, AddFile>();
    for (const add of snapshot.files()) {
      const key = keyBelow(this.#root, add.path, { isOwn: true });
      if (key !== null) live.set(key, add);
    }
    for (const named of this.#files.values()) close(named, snapshot.version);
    const elsewhere = [...this.#elsewhere.values()];
    return { snapshot, earliest, files: this.#files, live, elsewhere };
  }

  #named(
    kind: NamedFile['kind'],
    file: Pick<AddFile, 'path'> & Partial<AddFile>,
  ): MutableNamed | null {
    const { path, partitionValues } = file;
    const key = keyBelow(this.#root, path, { isOwn: true });
    if (key === null) {
      const unknown = { size: 0, modificationTime: 0, dataChange: false, partitionValues: {} };
      const before = this.#elsewhere.get(path);
      this.#elsewhere.set(path, { ...unknown, ...before, ...file });
      return null;
    }
    const named = this.#files.get(key) ?? { kind, partitionValues, ranges: [], since: null };
    named.partitionValues ??= partitionValues;
    this.#files.set(key, named);
    return named;
  }
}

function close(named: MutableNamed, to: number): void {
  const { since, ranges } = named;
  named.since = null;
  if (since === null || to < since) return;
  const last = ranges.at(-1);
  if (last !== undefined && last.to === since - 1) ranges.splice(-1, 1, { from: last.from, to });
  else ranges.push({ from: since, to });
}
