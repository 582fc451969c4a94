/** What is in the store, whoever asks. */

import type { Random } from '../../src/base/index.ts';
import {
  memoryStore,
  type ObjectMeta,
  type ObjectStore,
  type StorePath,
} from '../../src/store/index.ts';
import type { Faults } from './faults.ts';
import type { Scheduler } from './scheduler.ts';

/** A write at the moment of its effect. */
export interface Write {
  readonly path: StorePath;
  /** Null where it is deleted. */
  readonly bytes: Uint8Array | null;
  readonly before: Uint8Array | null;
  /** What its process was at when it asked for it. */
  readonly task: string | null;
}

/** Longer than anyone asks what became of a commit. */
const OUTAGE_MS_MAX = 40_000;

interface SimObject {
  readonly bytes: Uint8Array;
  readonly meta: ObjectMeta;
  readonly sinceMs: number;
}

export class Objects {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  /** Told of each write before its effect. */
  readonly #watch: (write: Write) => void;
  readonly #byPath = new Map<StorePath, SimObject>();
  #writes = 0;
  #downUntilMs = 0;

  constructor(scheduler: Scheduler, faults: Faults, watch: (write: Write) => void) {
    this.scheduler = scheduler;
    this.faults = faults;
    this.#watch = watch;
  }

  get random(): Random {
    return this.scheduler.random;
  }

  /** While it is down, the store refuses all. */
  isDown(): boolean {
    return this.scheduler.nowMs < this.#downUntilMs;
  }

  /** Outages begin with an answer that does not come. */
  perhapsGoDown(): void {
    if (this.random.float() >= this.faults.outage) return;
    this.#downUntilMs = this.scheduler.nowMs + this.random.float() * OUTAGE_MS_MAX;
  }

  find(path: StorePath): SimObject | null {
    return this.#byPath.get(path) ?? null;
  }

  write(path: StorePath, bytes: Uint8Array, task: string | null = null): ObjectMeta {
    this.#watch({ path, bytes, before: this.find(path)?.bytes ?? null, task });
    this.#writes += 1;
    const modifiedMs = this.scheduler.nowMs;
    const meta = { path, sizeBytes: bytes.length, modifiedMs, etag: `"${this.#writes}"` };
    this.#byPath.set(path, { bytes: bytes.slice(), meta, sinceMs: modifiedMs });
    return meta;
  }

  delete(path: StorePath, task: string | null = null): void {
    const before = this.find(path);
    if (before === null) return;
    this.#watch({ path, bytes: null, before: before.bytes, task });
    this.#byPath.delete(path);
  }

  /** What is in a folder, in order; `untilMs` leaves out what is younger. */
  below(
    folder: StorePath,
    { recursive, untilMs }: { readonly recursive: boolean; readonly untilMs: number },
  ): ObjectMeta[] {
    const start = folder === '' ? '' : `${folder}/`;
    const found: ObjectMeta[] = [];
    for (const { meta, sinceMs } of this.#byPath.values()) {
      const { path } = meta;
      if (!path.startsWith(start) || sinceMs > untilMs) continue;
      if (recursive || !path.includes('/', start.length)) found.push(meta);
    }
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** The same objects in a store without faults, for the judge. */
  async copy(): Promise<ObjectStore> {
    const store = memoryStore({
      clock: { now: () => this.scheduler.nowMs, sleep: async () => {} },
    });
    for (const { meta, bytes } of this.#byPath.values()) {
      await store.put(meta.path, bytes, { kind: 'overwrite' });
    }
    return store;
  }
}
