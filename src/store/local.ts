/** A store on the local disk: each object is a file of its own, whole or absent, and durable once written. */

import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import type { Clock, Random } from '../base/index.ts';
import { type CopySource, download, pinned } from './copy.ts';
import { alreadyExists, diskError, outcomeUnknown, type StoreCall } from './errors.ts';
import * as disk from './local-disk.ts';
import { listFolder } from './local-list.ts';
import { withFolderLock } from './local-lock.ts';
import { checkPath, checkPrefix, joinPath, RESERVED_PREFIX } from './paths.ts';
import type {
  ByteRange,
  ListOptions,
  ObjectContent,
  ObjectMeta,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from './types.ts';

export interface LocalStoreOptions {
  /** Paces the wait for another process's lock. */
  readonly clock: Clock;
  /** Names unfinished writes. */
  readonly random: Random;
  /** False leaves out every sync: what was written may be gone after a power failure. Default true. */
  readonly durable?: boolean;
}

/**
 * The store below the folder `rootDir`, which is made with the first write. `create` is atomic between all processes
 * on the disk, by link(2); so is `update` between those that use this package, by a lock file in the object's folder.
 */
export function localStore(rootDir: string, options: LocalStoreOptions): ObjectStore {
  const root = resolve(rootDir);
  return new LocalStore({ root, durable: true, known: new Set(), ...options }, '');
}

/** Reading folders is synchronous; after so many names the rest of the process has its turn. */
const LISTED_AT_A_TIME = 1000;

type LocalRoot = Required<LocalStoreOptions> & disk.FolderContext;

class LocalStore implements ObjectStore {
  readonly uri: string;
  readonly #root: LocalRoot;
  readonly #prefix: StorePath;
  readonly #folder: string;

  constructor(root: LocalRoot, prefix: StorePath) {
    this.#root = root;
    this.#prefix = prefix;
    this.#folder = prefix === '' ? root.root : `${root.root}/${prefix}`;
    this.uri = pathToFileURL(this.#folder).href.replace(/\/$/, '');
  }

  async get(path: StorePath): Promise<ObjectContent> {
    const { bytes, stats } = await this.#read('get', path, { start: 0, end: Infinity });
    return { bytes, meta: disk.metaOf(path, stats) };
  }

  async getRange(path: StorePath, range: ByteRange): Promise<Uint8Array> {
    return (await this.#read('getRange', path, range)).bytes;
  }

  async head(path: StorePath): Promise<ObjectMeta | null> {
    return this.#guard('head', path, async () => {
      const stats = disk.statFile(this.#file(path));
      return stats === null ? null : disk.metaOf(path, stats);
    });
  }

  async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    const file = this.#file(path);
    return this.#guard('put', path, async () => {
      if (mode.kind === 'create') return this.#create(path, file, bytes);
      if (mode.kind === 'update') return this.#update(path, file, bytes, mode.etag);
      return this.#replace(path, file, bytes, null);
    });
  }

  async putFile(path: StorePath, write: (localFile: string) => Promise<void>): Promise<ObjectMeta> {
    return this.#fill('putFile', path, write);
  }

  async copyFrom(source: CopySource, path: StorePath): Promise<ObjectMeta> {
    const sourceFile = source.store.localFile(source.path);
    if (sourceFile === null) return this.putFile(path, (file) => download(source, file));
    await pinned(source);
    return this.#fill('copyFrom', path, async (file) => {
      // The kernel copies, or shares the blocks where it can; a hard link would change with its source.
      await this.#guard('copyFrom', source.path, () =>
        fs.promises.copyFile(sourceFile, file, fs.constants.COPYFILE_FICLONE),
      );
      await pinned(source);
    });
  }

  async *list(prefix: StorePath, options: ListOptions = {}): AsyncGenerator<ObjectMeta> {
    checkPrefix(prefix);
    const folder = prefix === '' ? this.#folder : `${this.#folder}/${prefix}`;
    const listing = { recursive: false, startAfter: '', skip: () => false, ...options };
    let count = 0;
    try {
      for (const meta of listFolder(folder, prefix, listing)) {
        if (meta !== null) yield meta;
        count += 1;
        if (count % LISTED_AT_A_TIME === 0) await setImmediate();
      }
    } catch (error) {
      throw diskError(this.#call('list', prefix), error);
    }
  }

  async delete(paths: readonly StorePath[]): Promise<void> {
    for (const path of paths) {
      const file = this.#file(path);
      await this.#guard('delete', path, async () => {
        if (await disk.removeFile(file)) await disk.removeFile(disk.checksumFile(file));
      });
    }
  }

  localFile(path: StorePath): string {
    return this.#file(path);
  }

  at(prefix: StorePath): ObjectStore {
    checkPrefix(prefix);
    return new LocalStore(this.#root, joinPath(this.#prefix, prefix));
  }

  async #create(path: StorePath, file: string, bytes: Uint8Array): Promise<PutResult> {
    // Of many writers that want one name most come too late: these need not wait for the disk to learn it.
    if (fs.existsSync(file)) return { kind: 'exists' };
    const stats = await this.#withUnfinished(file, async (unfinished) => {
      const written = await disk.writeNewFile(unfinished, bytes, this.#root);
      // Left by a file of that name which somebody deleted.
      const checksum = disk.checksumFile(file);
      if (fs.existsSync(checksum)) disk.discardFile(checksum);
      return disk.linkFile(unfinished, file) ? written : null;
    });
    if (stats === null) return { kind: 'exists' };
    await this.#settle('put', path, file);
    return { kind: 'written', etag: disk.metaOf(path, stats).etag };
  }

  async #update(
    path: StorePath,
    file: string,
    bytes: Uint8Array,
    etag: string,
  ): Promise<PutResult> {
    const current = (): fs.BigIntStats | null => {
      const stats = disk.statFile(file);
      return stats !== null && disk.metaOf(path, stats).etag === etag ? stats : null;
    };
    // Outside the lock first: a mismatch needs none, and where there is no folder there can be none.
    if (current() === null) return { kind: 'mismatch' };
    const { clock, random } = this.#root;
    const tools = { clock, random, call: this.#call('put', path) };
    return withFolderLock(dirname(file), tools, async () => {
      const old = current();
      return old === null ? { kind: 'mismatch' } : this.#replace(path, file, bytes, old);
    });
  }

  async #replace(
    path: StorePath,
    file: string,
    bytes: Uint8Array,
    old: fs.BigIntStats | null,
  ): Promise<PutResult> {
    const stats = await this.#withUnfinished(file, async (unfinished) => {
      const newer = old === null ? {} : { newerThan: old };
      const written = await disk.writeNewFile(unfinished, bytes, { ...this.#root, ...newer });
      await disk.removeFile(disk.checksumFile(file));
      fs.renameSync(unfinished, file);
      return written;
    });
    await this.#settle('put', path, file);
    return { kind: 'written', etag: disk.metaOf(path, stats).etag };
  }

  /** Runs `work` with the name of a file to write first, in the folder of `file`; it is gone afterwards. */
  async #withUnfinished<T>(file: string, work: (unfinished: string) => Promise<T>): Promise<T> {
    const folder = dirname(file);
    await disk.makeFolder(folder, this.#root);
    const { clock, random } = this.#root;
    disk.sweepUnfinished(folder, clock.now());
    const unfinished = `${folder}/${RESERVED_PREFIX}${random.uuid()}`;
    try {
      return await work(unfinished);
    } finally {
      disk.discardFile(unfinished);
    }
  }

  /** Puts a name on the disk; where that fails, nobody knows whether the object outlives a power failure. */
  async #settle(verb: string, path: StorePath, file: string): Promise<void> {
    if (!this.#root.durable) return;
    try {
      await disk.syncFolder(dirname(file));
    } catch (error) {
      throw outcomeUnknown(this.#call(verb, path), error);
    }
  }

  /** Makes an object under its own name at once: `write` fills the file, then it goes to the disk. */
  async #fill(
    verb: string,
    path: StorePath,
    write: (localFile: string) => Promise<void>,
  ): Promise<ObjectMeta> {
    const file = this.#file(path);
    await this.#guard(verb, path, async () => {
      await disk.makeFolder(dirname(file), this.#root);
      if (fs.existsSync(file)) throw alreadyExists(this.#call(verb, path));
    });
    try {
      await write(file);
      return await this.#guard(verb, path, async () => {
        if (this.#root.durable) {
          await Promise.all([disk.syncFile(file), disk.syncFolder(dirname(file))]);
        }
        return disk.metaOf(path, fs.statSync(file, { bigint: true }));
      });
    } catch (error) {
      // A file that no log mentions is only waste, so that failing to remove it must not hide the error.
      await disk.removeFile(file).catch(() => false);
      throw error;
    }
  }

  #read(verb: string, path: StorePath, range: ByteRange): ReturnType<typeof disk.readFileRange> {
    const file = this.#file(path);
    return this.#guard(verb, path, () => disk.readFileRange(file, range));
  }

  #file(path: StorePath): string {
    checkPath(path);
    return `${this.#folder}/${path}`;
  }

  #call(verb: string, path: StorePath): StoreCall {
    return { verb, uri: this.uri, path };
  }

  async #guard<T>(verb: string, path: StorePath, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw diskError(this.#call(verb, path), error);
    }
  }
}
