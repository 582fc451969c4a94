/** Bounds how many requests a store has under way, so that a thousand small tasks do not open a thousand sockets. */

import pLimit, { type LimitFunction } from 'p-limit';

import type { CopySource } from './copy.ts';
import type { ListOptions, ObjectMeta, ObjectStore, StorePath } from './types.ts';
import { unwrapped, type WrappedCall, WrappedStore } from './wrapped.ts';

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

class LimitedStore extends WrappedStore {
  readonly #limit: LimitFunction;

  constructor(inner: ObjectStore, limit: LimitFunction) {
    super(inner);
    this.#limit = limit;
  }

  override async putFile(
    path: StorePath,
    write: (localFile: string) => Promise<void>,
  ): Promise<ObjectMeta> {
    const upload = Promise.withResolvers<void>();
    const slot = async (): Promise<void> =>
      new Promise((resolve) => {
        void this.#limit(() => {
          resolve();
          return upload.promise;
        });
      });
    try {
      return await this.inner.putFile(path, async (localFile) => {
        await write(localFile);
        await slot();
      });
    } finally {
      upload.resolve();
    }
  }

  override async copyFrom(source: CopySource, path: StorePath): Promise<ObjectMeta> {
    // The one slot stands for both sides: a source that waits for a slot of its own could wait for ever.
    return super.copyFrom({ ...source, store: unwrapped(source.store) }, path);
  }

  override async *list(prefix: StorePath, options?: ListOptions): AsyncGenerator<ObjectMeta> {
    const objects = this.inner.list(prefix, options)[Symbol.asyncIterator]();
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

  override at(prefix: StorePath): ObjectStore {
    return new LimitedStore(this.inner.at(prefix), this.#limit);
  }

  protected override async perform<T>(_call: WrappedCall, work: () => Promise<T>): Promise<T> {
    return this.#limit(work);
  }
}
