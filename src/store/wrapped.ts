/** Stores that pass their work on to another one, and the sight through them, so that a copy stays on its server. */

import type { CopySource } from './copy.ts';
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

const innerOf = new WeakMap<ObjectStore, ObjectStore>();

/** The store below all wrappers. */
export function unwrapped(store: ObjectStore): ObjectStore {
  const inner = innerOf.get(store);
  return inner === undefined ? store : unwrapped(inner);
}

/** A call as a wrapper sees it. */
export interface WrappedCall {
  readonly verb: string;
  /** Of several, the first one. */
  readonly path: StorePath;
  /** `conditional`: of a write whose repetition would be another one. */
  readonly effect: 'none' | 'write' | 'conditional';
}

/** A wrapper: each call that is one request or more goes by way of `perform`. */
export abstract class WrappedStore implements ObjectStore {
  readonly uri: string;
  protected readonly inner: ObjectStore;

  constructor(inner: ObjectStore) {
    this.uri = inner.uri;
    this.inner = inner;
    innerOf.set(this, inner);
  }

  protected abstract perform<T>(call: WrappedCall, work: () => Promise<T>): Promise<T>;

  abstract list(prefix: StorePath, options?: ListOptions): AsyncIterable<ObjectMeta>;

  abstract at(prefix: StorePath): ObjectStore;

  async get(path: StorePath): Promise<ObjectContent> {
    return this.perform({ verb: 'get', path, effect: 'none' }, () => this.inner.get(path));
  }

  async getRange(path: StorePath, range: ByteRange): Promise<Uint8Array> {
    const call = { verb: 'getRange', path, effect: 'none' } as const;
    return this.perform(call, () => this.inner.getRange(path, range));
  }

  async head(path: StorePath): Promise<ObjectMeta | null> {
    return this.perform({ verb: 'head', path, effect: 'none' }, () => this.inner.head(path));
  }

  async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    const effect = mode.kind === 'overwrite' ? 'write' : 'conditional';
    return this.perform({ verb: 'put', path, effect }, () => this.inner.put(path, bytes, mode));
  }

  async putFile(path: StorePath, write: (localFile: string) => Promise<void>): Promise<ObjectMeta> {
    const call = { verb: 'putFile', path, effect: 'write' } as const;
    return this.perform(call, () => this.inner.putFile(path, write));
  }

  async copyFrom(source: CopySource, path: StorePath): Promise<ObjectMeta> {
    const call = { verb: 'copyFrom', path, effect: 'write' } as const;
    return this.perform(call, () => this.inner.copyFrom(source, path));
  }

  async delete(paths: readonly StorePath[]): Promise<void> {
    const call = { verb: 'delete', path: paths[0] ?? '', effect: 'write' } as const;
    return this.perform(call, () => this.inner.delete(paths));
  }

  localFile(path: StorePath): string | null {
    return this.inner.localFile(path);
  }
}
