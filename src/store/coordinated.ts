/**
 * S3 with commits that a log table decides, by the protocol of Spark's `S3DynamoDBLogStore`. To commit version N:
 *
 *     0  fail where N.json is there
 *     1  where the entry of N-1 is not complete, finish it; else N-1.json must be there
 *     2  write .tmp/N.json.<uuid>; put the entry of N, not complete, if there is none: from here on N is committed
 *     3  copy the temporary file to N.json
 *     4  put the entry of N again: complete, to be deleted in a day
 *
 * Who lists the log first finishes the newest entry where it is not complete. A crash after any step is so made good.
 */

import { type Clock, isDeltaError, type Random } from '../base/index.ts';
import type { DynamoDbOptions } from './dynamodb.ts';
import {
  commitCoordinated,
  commitLost,
  logTableStale,
  otherSpelling,
  outcomeUnknown,
  previousMissing,
} from './errors.ts';
import type { LogEntry, LogTable } from './log-table.ts';
import { joinPath } from './paths.ts';
import type {
  ListOptions,
  ObjectMeta,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from './types.ts';
import { type WrappedCall, WrappedStore } from './wrapped.ts';

/** Seconds for which a complete entry stays, so that late writers of the same version meet it. */
const EXPIRE_AFTER_S = 24 * 60 * 60;
const SCHEMES = ['s3a', 's3', 's3n'] as const;
const LOG_FOLDER = '_delta_log';
const COMMIT = /^(?:(.*)\/)?_delta_log\/(\d{20}\.json)$/s;

export interface CoordinationOptions extends Pick<DynamoDbOptions, 'use' | 'scheme'> {
  readonly clock: Clock;
  readonly random: Random;
}

/** The same store with the commits of the Delta tables in it decided by, or guarded with, a log table. */
export function coordinatedStore(
  store: ObjectStore,
  table: LogTable,
  options: CoordinationOptions,
): ObjectStore {
  return new CoordinatedStore(store, { ...options, table, checked: new Set() });
}

/** How a store that is rooted at a Delta table commits to it, for who wants to look or to mend. */
export interface Coordination {
  readonly use: 'commit' | 'guard';
  readonly logTable: string;
  /** As entries spell it. */
  readonly tablePath: string;
  /** The store without the coordination: looking at it finishes nothing. */
  readonly bare: ObjectStore;
  latest(): Promise<LogEntry | null>;
  entry(fileName: string): Promise<LogEntry | null>;
  /** Steps 3 and 4 for an entry that is not complete. Errors: `COMMIT_LOST`, the store's. */
  finish(entry: LogEntry): Promise<void>;
}

/** Null for a store that knows no log table. */
export function coordinationOf(store: ObjectStore): Coordination | null {
  return store instanceof CoordinatedStore ? store.coordination() : null;
}

interface Shared extends CoordinationOptions {
  readonly table: LogTable;
  /** Tables whose other spellings were looked for. */
  readonly checked: Set<string>;
}

/** A table's log inside the store. */
interface TableLog {
  /** Of the table, below the store's root. */
  readonly root: StorePath;
  readonly tablePath: string;
}

class CoordinatedStore extends WrappedStore {
  readonly #shared: Shared;

  constructor(inner: ObjectStore, shared: Shared) {
    super(inner);
    this.#shared = shared;
  }

  override async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    const [, root = '', fileName] = COMMIT.exec(path) ?? [];
    if (fileName === undefined || mode.kind !== 'create') return this.inner.put(path, bytes, mode);
    const log = this.#logAt(root);
    if (this.#shared.use !== 'guard') return this.#commit(log, fileName, bytes);
    for (const tablePath of spellings(log.tablePath)) {
      const entry = await this.#shared.table.latest(tablePath);
      if (entry !== null) throw commitCoordinated(this.#shared.table.name, entry);
    }
    return this.inner.put(path, bytes, mode);
  }

  override async *list(prefix: StorePath, options?: ListOptions): AsyncGenerator<ObjectMeta> {
    const isLog = prefix === LOG_FOLDER || prefix.endsWith(`/${LOG_FOLDER}`);
    if (isLog && this.#shared.use !== 'guard') {
      const log = this.#logAt(prefix.slice(0, -LOG_FOLDER.length - 1));
      const entry = await this.#shared.table.latest(log.tablePath);
      if (entry !== null && !entry.complete) await this.#finish(log, entry);
    }
    yield* this.inner.list(prefix, options);
  }

  override at(prefix: StorePath): ObjectStore {
    return new CoordinatedStore(this.inner.at(prefix), this.#shared);
  }

  coordination(): Coordination {
    const { table, use = 'commit' } = this.#shared;
    const log = this.#logAt('');
    const { tablePath } = log;
    return {
      use,
      logTable: table.name,
      tablePath,
      bare: this.inner,
      latest: () => table.latest(tablePath),
      entry: (fileName) => table.get({ tablePath, fileName }),
      finish: (entry) => this.#finish(log, entry),
    };
  }

  protected override async perform<T>(_call: WrappedCall, work: () => Promise<T>): Promise<T> {
    return work();
  }

  async #commit(log: TableLog, fileName: string, bytes: Uint8Array): Promise<PutResult> {
    const { table, random } = this.#shared;
    const { tablePath } = log;
    if ((await this.inner.head(commitPath(log, fileName))) !== null) return { kind: 'exists' };
    await this.#checkSpelling(tablePath);
    await this.#settlePrevious(log, fileName);
    const tempPath = `.tmp/${fileName}.${random.uuid()}`;
    const temp = await this.inner.put(inLog(log, tempPath), bytes, { kind: 'overwrite' });
    const entry = { tablePath, fileName, tempPath, complete: false, expireTimeS: null };
    if ((await table.create(entry)) === 'exists') {
      const holder = await this.#holderOf(entry);
      // Of its own first try it meets the same temporary file.
      if (holder?.tempPath !== tempPath) return this.#yieldTo(log, { holder, tempPath });
    }
    let isFirst = true;
    try {
      isFirst = await this.#copy(log, entry, bytes);
      await this.#acknowledge(entry);
    } catch (error) {
      // The commit is decided, and whoever lists the log next does the rest.
      if (!isDeltaError(error) || error.kind === 'internal') throw error;
    }
    if (!isFirst) return { kind: 'exists' };
    return { kind: 'written', etag: temp.kind === 'written' ? temp.etag : '' };
  }

  /** Who cannot be told from its own first try has an open outcome. */
  async #holderOf(entry: LogEntry): Promise<LogEntry | null> {
    const { table } = this.#shared;
    try {
      return await table.get(entry);
    } catch (error) {
      if (!isDeltaError(error)) throw error;
      const call = { verb: 'putItem', uri: `dynamodb:${table.name}`, path: entry.fileName };
      throw outcomeUnknown(call, error);
    }
  }

  /** Another writer has the version, whose file is there when this ends; null where its entry has just expired. */
  async #yieldTo(
    log: TableLog,
    { holder, tempPath }: { readonly holder: LogEntry | null; readonly tempPath: string },
  ): Promise<PutResult> {
    if (holder?.complete === false) {
      await this.#finish(log, holder);
    } else if (
      holder !== null &&
      (await this.inner.head(commitPath(log, holder.fileName))) === null
    ) {
      throw logTableStale(this.#shared.table.name, holder);
    }
    await this.inner.delete([inLog(log, tempPath)]);
    return { kind: 'exists' };
  }

  async #settlePrevious(log: TableLog, fileName: string): Promise<void> {
    const version = Number(fileName.slice(0, 20));
    if (version === 0) return;
    const previous = `${String(version - 1).padStart(20, '0')}.json`;
    const entry = await this.#shared.table.get({ tablePath: log.tablePath, fileName: previous });
    if (entry !== null && !entry.complete) {
      await this.#finish(log, entry);
    } else if ((await this.inner.head(commitPath(log, previous))) === null) {
      throw previousMissing(log.tablePath, previous);
    }
  }

  async #finish(log: TableLog, entry: LogEntry): Promise<void> {
    if ((await this.inner.head(commitPath(log, entry.fileName))) !== null) {
      return this.#acknowledge(entry);
    }
    let bytes: Uint8Array;
    try {
      ({ bytes } = await this.inner.get(inLog(log, entry.tempPath)));
    } catch (error) {
      if (isDeltaError(error, 'STORE_NOT_FOUND')) {
        throw commitLost(this.#shared.table.name, entry, error);
      }
      throw error;
    }
    await this.#copy(log, entry, bytes);
    await this.#acknowledge(entry);
  }

  /**
   * Step 3. False where N.json has another content: then a writer who does not use the log table was first, as far as
   * the log goes, and this commit is not in it.
   */
  async #copy(log: TableLog, { fileName }: LogEntry, bytes: Uint8Array): Promise<boolean> {
    const path = commitPath(log, fileName);
    if (await this.#put(path, bytes)) return true;
    return Buffer.compare((await this.inner.get(path)).bytes, bytes) === 0;
  }

  /** False where something was there; what was written without an answer is found to be so by its content. */
  async #put(path: StorePath, bytes: Uint8Array): Promise<boolean> {
    try {
      return (await this.inner.put(path, bytes, { kind: 'create' })).kind === 'written';
    } catch (error) {
      if (!isDeltaError(error, 'STORE_OUTCOME_UNKNOWN')) throw error;
      return (await this.inner.put(path, bytes, { kind: 'create' })).kind === 'written';
    }
  }

  async #acknowledge(entry: LogEntry): Promise<void> {
    const { table, clock } = this.#shared;
    const expireTimeS = Math.floor(clock.now() / 1000) + EXPIRE_AFTER_S;
    await table.replace({ ...entry, complete: true, expireTimeS });
  }

  /** Writers that spell the table in two ways would not meet in the log table: refused, once looked for. */
  async #checkSpelling(tablePath: string): Promise<void> {
    const { table, checked } = this.#shared;
    if (checked.has(tablePath)) return;
    for (const other of spellings(tablePath)) {
      if (other === tablePath) continue;
      const entry = await table.latest(other);
      if (entry !== null) throw otherSpelling(table.name, { tablePath, other });
    }
    checked.add(tablePath);
  }

  #logAt(root: StorePath): TableLog {
    const uri = joinPath(this.uri, root);
    const scheme = this.#shared.scheme ?? 's3a';
    return { root, tablePath: uri.replace(/^s3[an]?:/, `${scheme}:`) };
  }
}

function spellings(tablePath: string): readonly string[] {
  return SCHEMES.map((scheme) => tablePath.replace(/^s3[an]?:/, `${scheme}:`));
}

function inLog({ root }: TableLog, path: string): StorePath {
  return joinPath(root, `${LOG_FOLDER}/${path}`);
}

function commitPath(log: TableLog, fileName: string): StorePath {
  return inLog(log, fileName);
}
