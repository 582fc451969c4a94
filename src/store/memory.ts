/** A store in this process's memory: for tests, simulation and examples. */

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Clock, makeTempFolder } from '../base/index.ts';
import type { CopySource } from './copy.ts';
import { alreadyExists, notFound, sourceChanged } from './errors.ts';
import { checkPath, checkPrefix, compareUtf8, joinPath } from './paths.ts';
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

export interface MemoryStoreOptions {
  /** Stamps `modifiedMs`. */
  readonly clock: Clock;
  /** The name in `memory://name`. Default `memory`. */
  readonly name?: string;
}

/** A new, empty store. Bytes are copied on the way in and out; every write gives an etag never given before. */
export function memoryStore(options: MemoryStoreOptions): ObjectStore {
  const objects: Objects = { byPath: new Map(), sorted: null, writeCount: 0 };
  return new MemoryStore(options.clock, objects, `memory://${options.name ?? 'memory'}`, '');
}

interface Objects {
  readonly byPath: Map<StorePath, { readonly bytes: Uint8Array; readonly meta: ObjectMeta }>;
  /** The paths in order, until one is added or removed. */
  sorted: readonly StorePath[] | null;
  writeCount: number;
}

class MemoryStore implements ObjectStore {
  readonly uri: string;
  readonly #clock: Clock;
  readonly #objects: Objects;
  readonly #rootUri: string;
  readonly #prefix: StorePath;

  constructor(clock: Clock, objects: Objects, rootUri: string, prefix: StorePath) {
    this.#clock = clock;
    this.#objects = objects;
    this.#rootUri = rootUri;
    this.#prefix = prefix;
    this.uri = joinPath(rootUri, prefix);
  }

  async get(path: StorePath): Promise<ObjectContent> {
    const { bytes, meta } = this.#read('get', path);
    return { bytes: bytes.slice(), meta: { ...meta, path } };
  }

  async getRange(path: StorePath, range: ByteRange): Promise<Uint8Array> {
    return this.#read('getRange', path).bytes.slice(range.start, range.end);
  }

  async head(path: StorePath): Promise<ObjectMeta | null> {
    checkPath(path);
    const found = this.#objects.byPath.get(joinPath(this.#prefix, path));
    return found === undefined ? null : { ...found.meta, path };
  }

  async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    checkPath(path);
    const found = this.#objects.byPath.get(joinPath(this.#prefix, path));
    if (mode.kind === 'create' && found !== undefined) return { kind: 'exists' };
    if (mode.kind === 'update' && found?.meta.etag !== mode.etag) return { kind: 'mismatch' };
    return { kind: 'written', etag: this.#write(path, new Uint8Array(bytes)).etag };
  }

  async putFile(path: StorePath, write: (localFile: string) => Promise<void>): Promise<ObjectMeta> {
    this.#checkFresh('putFile', path);
    const folder = await makeTempFolder();
    try {
      const file = join(folder, 'object');
      await write(file);
      const bytes = await readFile(file);
      this.#checkFresh('putFile', path);
      return this.#write(path, new Uint8Array(bytes));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async copyFrom(source: CopySource, path: StorePath): Promise<ObjectMeta> {
    this.#checkFresh('copyFrom', path);
    const { bytes, meta } = await source.store.get(source.path);
    if (meta.etag !== source.etag) {
      throw sourceChanged({ verb: 'copyFrom', uri: source.store.uri, path: source.path });
    }
    this.#checkFresh('copyFrom', path);
    return this.#write(path, bytes);
  }

  async *list(prefix: StorePath, options: ListOptions = {}): AsyncGenerator<ObjectMeta> {
    checkPrefix(prefix);
    const folder = joinPath(this.#prefix, prefix);
    const start = folder === '' ? '' : `${folder}/`;
    const after = options.startAfter ?? '';
    for (const key of this.#sortedPaths()) {
      const path = key.slice(this.#prefix === '' ? 0 : this.#prefix.length + 1);
      if (!key.startsWith(start) || compareUtf8(path, after) <= 0) continue;
      if (options.recursive !== true && key.includes('/', start.length)) continue;
      if (options.skip?.(path) === true) continue;
      const found = this.#objects.byPath.get(key);
      if (found !== undefined) yield { ...found.meta, path };
    }
  }

  async delete(paths: readonly StorePath[]): Promise<void> {
    for (const path of paths) {
      checkPath(path);
      if (this.#objects.byPath.delete(joinPath(this.#prefix, path))) this.#objects.sorted = null;
    }
  }

  localFile(path: StorePath): string | null {
    checkPath(path);
    return null;
  }

  at(prefix: StorePath): ObjectStore {
    checkPrefix(prefix);
    const below = joinPath(this.#prefix, prefix);
    return new MemoryStore(this.#clock, this.#objects, this.#rootUri, below);
  }

  #read(verb: string, path: StorePath): { bytes: Uint8Array; meta: ObjectMeta } {
    checkPath(path);
    const found = this.#objects.byPath.get(joinPath(this.#prefix, path));
    if (found === undefined) throw notFound({ verb, uri: this.uri, path });
    return found;
  }

  #checkFresh(verb: string, path: StorePath): void {
    checkPath(path);
    if (!this.#objects.byPath.has(joinPath(this.#prefix, path))) return;
    throw alreadyExists({ verb, uri: this.uri, path });
  }

  #write(path: StorePath, bytes: Uint8Array): ObjectMeta {
    const objects = this.#objects;
    const key = joinPath(this.#prefix, path);
    if (!objects.byPath.has(key)) objects.sorted = null;
    objects.writeCount += 1;
    const meta = {
      path,
      sizeBytes: bytes.length,
      modifiedMs: this.#clock.now(),
      etag: `"${objects.writeCount}"`,
    };
    objects.byPath.set(key, { bytes, meta });
    return meta;
  }

  #sortedPaths(): readonly StorePath[] {
    this.#objects.sorted ??= [...this.#objects.byPath.keys()].sort(compareUtf8);
    return this.#objects.sorted;
  }
}
