/** Bounds how many requests a store has under way, so that a thousand small tasks do not open a thousand sockets. */

import pLimit, { type LimitFunction } from 'p-limit';

import type { CopySource } from './copy.ts';
import type {
  ListOptions,
  ObjectContent,
  ObjectMeta,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from './types.ts';
import { markWrapped, unwrapped } from './wrapped.ts';

/**
 * The same store with at most `parallelMax` requests under way; further ones wait in order. No slot is held while the
 * caller works (filling the file of `putFile`, between the objects of a list), so that it may use the store there.
 */
export function limitedStore(store: ObjectStore, parallelMax: number): ObjectStore {
  return new LimitedStore(store, pLimit(parallelMax));
}

/** As `limitedStore`, with a bound that several stores share. */
export function limitedBy(store: ObjectStore, limit: LimitFunction): ObjectStore {
  return new LimitedStore(store, limit);
}

class LimitedStore implements ObjectStore {
  readonly uri: string;
  readonly #inner: ObjectStore;
  readonly #limit: LimitFunction;

  constructor(inner: ObjectStore, limit: LimitFunction) {
    this.uri = inner.uri;
    this.#inner = inner;
    this.#limit = limit;
    markWrapped(this, inner);
  }

  async get(path: StorePath): Promise<ObjectContent> {
    return this.#limit(() => this.#inner.get(path));
  }

  async getRange(path: StorePath, range: { start: number; end: number }): Promise<Uint8Array> {
    return this.#limit(() => this.#inner.getRange(path, range));
  }

  async head(path: StorePath): Promise<ObjectMeta | null> {
    return this.#limit(() => this.#inner.head(path));
  }

  async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    return this.#limit(() => this.#inner.put(path, bytes, mode));
  }

  async putFile(path: StorePath, write: (localFile: string) => Promise<void>): Promise<ObjectMeta> {
    const upload = Promise.withResolvers<void>();
    const slot = async (): Promise<void> =>
      new Promise((resolve) => {
        void this.#limit(() => {
          resolve();
          return upload.promise;
        });
      });
    try {
      return await this.#inner.putFile(path, async (localFile) => {
        await write(localFile);
        await slot();
      });
    } finally {
      upload.resolve();
    }
  }

  async copyFrom(source: CopySource, path: StorePath): Promise<ObjectMeta> {
    // The one slot stands for both sides: a source that waits for a slot of its own could wait for ever.
    const store = unwrapped(source.store);
    return this.#limit(() => this.#inner.copyFrom({ ...source, store }, path));
  }

  async *list(prefix: StorePath, options?: ListOptions): AsyncGenerator<ObjectMeta> {
    const objects = this.#inner.list(prefix, options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#limit(() => objects.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await objects.return?.();
    }
  }

  async delete(paths: readonly StorePath[]): Promise<void> {
    return this.#limit(() => this.#inner.delete(paths));
  }

  localFile(path: StorePath): string | null {
    return this.#inner.localFile(path);
  }

  at(prefix: StorePath): ObjectStore {
    return new LimitedStore(this.#inner.at(prefix), this.#limit);
  }
}
