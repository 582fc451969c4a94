/** The store as one process sees it: every call waits for its turn and may go wrong. All processes share the objects. */

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { makeTempFolder } from '../../src/base/index.ts';
import type { ListOptions, ObjectMeta, StorePath } from '../../src/store/index.ts';
import { notFound } from '../../src/store/errors.ts';
import type { ObjectContent, ObjectStore, PutMode, PutResult } from '../../src/store/types.ts';
import type { Objects } from './objects.ts';
import type { Process } from './scheduler.ts';
import { type Call, Wire } from './wire.ts';

const PAGE_FILES = 5;
/** Between two parts of one listing. */
const PART_MS_MAX = 60;
const STALE_MS_MAX = 30;

export class SimStore implements ObjectStore {
  readonly uri: string;
  readonly #objects: Objects;
  readonly #process: Process;
  readonly #wire: Wire;
  readonly #prefix: StorePath;
  /** When the youngest object that this process knows of was written: no listing is older than that. */
  #seenMs = 0;

  /** `prefix` ends in a slash, or is empty. */
  constructor(objects: Objects, process: Process, prefix: StorePath = '') {
    this.uri = `sim://table/${prefix}`.replace(/\/$/, '');
    this.#objects = objects;
    this.#process = process;
    this.#wire = new Wire(objects, process);
    this.#prefix = prefix;
  }

  async get(path: StorePath): Promise<ObjectContent> {
    const call = this.#call('get', path);
    return this.#wire.read(call, () => {
      const found = this.#objects.find(this.#prefix + path);
      if (found === null) throw notFound(call);
      this.#saw(found.sinceMs);
      return { bytes: found.bytes.slice(), meta: { ...found.meta, path } };
    });
  }

  async getRange(path: StorePath, range: { start: number; end: number }): Promise<Uint8Array> {
    const call = this.#call('getRange', path);
    return this.#wire.read(call, () => {
      const found = this.#objects.find(this.#prefix + path);
      if (found === null) throw notFound(call);
      this.#saw(found.sinceMs);
      return found.bytes.slice(range.start, range.end);
    });
  }

  async head(path: StorePath): Promise<ObjectMeta | null> {
    return this.#wire.read(this.#call('head', path), () => {
      const found = this.#objects.find(this.#prefix + path);
      if (found === null) return null;
      this.#saw(found.sinceMs);
      return { ...found.meta, path };
    });
  }

  async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    const key = this.#prefix + path;
    const task = this.#task;
    const effect = mode.kind === 'overwrite' ? 'write' : 'conditional';
    return this.#wire.write(this.#call('put', path), effect, (): PutResult => {
      const found = this.#objects.find(key);
      if (mode.kind === 'create' && found !== null) {
        this.#saw(found.sinceMs);
        return { kind: 'exists' };
      }
      if (mode.kind === 'update' && found?.meta.etag !== mode.etag) return { kind: 'mismatch' };
      const whole = this.#perhapsTorn(path, bytes, found !== null);
      const { etag } = this.#objects.write(key, whole, task);
      this.#saw(this.#objects.scheduler.nowMs);
      return { kind: 'written', etag };
    });
  }

  async delete(paths: readonly StorePath[]): Promise<void> {
    const task = this.#task;
    for (const path of paths) {
      await this.#wire.write(this.#call('delete', path), 'write', () => {
        this.#objects.delete(this.#prefix + path, task);
      });
    }
  }

  async *list(prefix: StorePath, options: ListOptions = {}): AsyncGenerator<ObjectMeta> {
    const folder = `${this.#prefix}${prefix}`.replace(/\/$/, '');
    const { startAfter = '', recursive = false } = options;
    for (const meta of await this.#listing(folder, recursive)) {
      const path = meta.path.slice(this.#prefix.length);
      if (path > startAfter && options.skip?.(path) !== true) yield { ...meta, path };
    }
  }

  async putFile(path: StorePath, write: (localFile: string) => Promise<void>): Promise<ObjectMeta> {
    const folder = await makeTempFolder();
    try {
      const file = join(folder, 'object');
      await write(file);
      return await this.#putFresh('putFile', path, new Uint8Array(await readFile(file)));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async copyFrom(
    source: { readonly store: ObjectStore; readonly path: StorePath },
    path: StorePath,
  ): Promise<ObjectMeta> {
    const { bytes } = await source.store.get(source.path);
    return this.#putFresh('copyFrom', path, bytes);
  }

  localFile(): string | null {
    return null;
  }

  at(prefix: StorePath): ObjectStore {
    return new SimStore(this.#objects, this.#process, `${this.#prefix}${prefix}/`);
  }

  get #task(): string | null {
    return this.#process.task ?? null;
  }

  async #putFresh(verb: string, path: StorePath, bytes: Uint8Array): Promise<ObjectMeta> {
    const task = this.#task;
    return this.#wire.write(this.#call(verb, path), 'write', () => ({
      ...this.#objects.write(this.#prefix + path, bytes, task),
      path,
    }));
  }

  async #listing(folder: StorePath, recursive: boolean): Promise<readonly ObjectMeta[]> {
    const objects = this.#objects;
    const { scheduler, random } = objects;
    // The log's, and the whole table's, as a vacuum lists it.
    const isFaulty = folder === '' || folder.endsWith('_delta_log');
    const listing = isFaulty ? objects.faults.listing : 'atomic';
    const staleMs = listing === 'stale' ? Math.floor(random.float() * STALE_MS_MAX) : 0;
    const now = (untilMs = scheduler.nowMs): ObjectMeta[] =>
      objects.below(folder, { recursive, untilMs });
    const whole = await this.#wire.read(this.#call('list', folder), () =>
      now(Math.max(this.#seenMs, scheduler.nowMs - staleMs)),
    );
    for (const { modifiedMs } of whole) this.#saw(modifiedMs);
    if (listing === 'pages' && whole.length >= PAGE_FILES) {
      const page = whole.slice(0, PAGE_FILES);
      await this.#wire.pause(random.float() * PART_MS_MAX);
      const last = page.at(-1)?.path ?? '';
      return [...page, ...now().filter(({ path }) => path > last)];
    }
    if (listing !== 'folder') return whole;
    // The place of a name in the folder is that of its hash.
    const isFirst = ({ path }: ObjectMeta): boolean => hashOf(path) % 2 === 0;
    await this.#wire.pause(random.float() * PART_MS_MAX);
    const rest = now().filter((meta) => !isFirst(meta));
    return [...whole.filter(isFirst), ...rest]
      .filter(({ path }) => objects.find(path) !== null)
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #saw(sinceMs: number): void {
    this.#seenMs = Math.max(this.#seenMs, sinceMs);
  }

  /** What readers can do without may end early, where a writer without this store's promises died. */
  #perhapsTorn(path: StorePath, bytes: Uint8Array, isThere: boolean): Uint8Array {
    const { faults, random } = this.#objects;
    const isLines = /\.(checkpoint\.[^.]*|compacted)\.json$/.test(path);
    const isHint = path.endsWith('_last_checkpoint');
    const mayBeTorn = isLines || isHint || /\.crc$|\.checkpoint\.parquet$/.test(path);
    // What was whole stays whole: a log that was cleaned up begins with it.
    if (!mayBeTorn || (isThere && !isHint) || random.float() >= faults.torn) return bytes;
    // Lines that end where a line ends look whole.
    return bytes.subarray(0, isLines ? -2 : Math.floor(random.float() * bytes.length));
  }

  #call(verb: string, path: StorePath): Call {
    return { verb, uri: this.uri, path };
  }
}

function hashOf(text: string): number {
  let hash = 7;
  for (let index = 0; index < text.length; index += 1) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(index)) >>> 0;
  }
  return hash >>> 3;
}
