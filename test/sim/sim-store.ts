/** The store as one process sees it: every call waits for its turn and may go wrong. All processes share the objects. */

import type { DeltaError, Random } from '../../src/base/index.ts';
import { memoryStore, type ListOptions, type ObjectMeta } from '../../src/store/index.ts';
import { notFound, outcomeUnknown, unavailable } from '../../src/store/errors.ts';
import type {
  ObjectContent,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from '../../src/store/types.ts';
import type { Faults } from './faults.ts';
import type { Process, Scheduler } from './scheduler.ts';

/** Told of each write at the moment of its effect, before it. */
export type Watcher = (write: {
  readonly path: StorePath;
  /** Null where it is deleted. */
  readonly bytes: Uint8Array | null;
  readonly before: Uint8Array | null;
}) => void;

/** Longer than anyone asks what became of a commit. */
const OUTAGE_MS_MAX = 40_000;

interface SimObject {
  readonly bytes: Uint8Array;
  readonly meta: ObjectMeta;
  readonly sinceMs: number;
}

/** What is in the store, whoever asks. */
export class Objects {
  readonly scheduler: Scheduler;
  readonly watch: Watcher;
  faults: Faults;
  readonly #byPath = new Map<StorePath, SimObject>();
  #writes = 0;
  #downUntilMs = 0;

  constructor(scheduler: Scheduler, faults: Faults, watch: Watcher) {
    this.scheduler = scheduler;
    this.faults = faults;
    this.watch = watch;
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

  write(path: StorePath, bytes: Uint8Array): ObjectMeta {
    this.watch({ path, bytes, before: this.find(path)?.bytes ?? null });
    this.#writes += 1;
    const modifiedMs = this.scheduler.nowMs;
    const meta = { path, sizeBytes: bytes.length, modifiedMs, etag: `"${this.#writes}"` };
    this.#byPath.set(path, { bytes: bytes.slice(), meta, sinceMs: modifiedMs });
    return meta;
  }

  delete(path: StorePath): void {
    const before = this.find(path);
    if (before === null) return;
    this.watch({ path, bytes: null, before: before.bytes });
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

const PAGE_FILES = 5;
/** Between two parts of one listing. */
const PART_MS_MAX = 60;
const LATE_MS_MAX = 400;
const DELAY_MS_MAX = 100;
const STALE_MS_MAX = 30;

export class SimStore implements ObjectStore {
  readonly uri: string;
  readonly #objects: Objects;
  readonly #process: Process;
  readonly #prefix: StorePath;
  /** When the youngest object that this process knows of was written: no listing is older than that. */
  #seenMs = 0;

  /** `prefix` ends in a slash, or is empty. */
  constructor(objects: Objects, process: Process, prefix: StorePath = '') {
    this.uri = `sim://table/${prefix}`.replace(/\/$/, '');
    this.#objects = objects;
    this.#process = process;
    this.#prefix = prefix;
  }

  async get(path: StorePath): Promise<ObjectContent> {
    return this.#read('get', path, () => {
      const found = this.#objects.find(this.#prefix + path);
      if (found === null) throw notFound({ verb: 'get', uri: this.uri, path });
      this.#saw(found.sinceMs);
      return { bytes: found.bytes.slice(), meta: { ...found.meta, path } };
    });
  }

  async getRange(path: StorePath, range: { start: number; end: number }): Promise<Uint8Array> {
    return this.#read('getRange', path, () => {
      const found = this.#objects.find(this.#prefix + path);
      if (found === null) throw notFound({ verb: 'getRange', uri: this.uri, path });
      return found.bytes.slice(range.start, range.end);
    });
  }

  async head(path: StorePath): Promise<ObjectMeta | null> {
    return this.#read('head', path, () => {
      const found = this.#objects.find(this.#prefix + path);
      return found === null ? null : { ...found.meta, path };
    });
  }

  async put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult> {
    const key = this.#prefix + path;
    const effect = (): PutResult => {
      const found = this.#objects.find(key);
      if (mode.kind === 'create' && found !== null) return { kind: 'exists' };
      if (mode.kind === 'update' && found?.meta.etag !== mode.etag) return { kind: 'mismatch' };
      return { kind: 'written', etag: this.#objects.write(key, bytes).etag };
    };
    if (mode.kind === 'overwrite') {
      return this.#write('put', path, () => {
        const { etag } = this.#objects.write(key, this.#perhapsTorn(path, bytes));
        return { kind: 'written', etag };
      });
    }
    return this.#write('put', path, effect, 'conditional');
  }

  async delete(paths: readonly StorePath[]): Promise<void> {
    for (const path of paths) {
      await this.#write('delete', path, () => {
        this.#objects.delete(this.#prefix + path);
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

  putFile(): Promise<ObjectMeta> {
    return Promise.reject(new Error('not in the simulation'));
  }

  copyFrom(): Promise<ObjectMeta> {
    return Promise.reject(new Error('not in the simulation'));
  }

  localFile(): string | null {
    return null;
  }

  at(prefix: StorePath): ObjectStore {
    return new SimStore(this.#objects, this.#process, `${this.#prefix}${prefix}/`);
  }

  async #listing(folder: StorePath, recursive: boolean): Promise<readonly ObjectMeta[]> {
    const objects = this.#objects;
    const { scheduler, random } = objects;
    const listing = folder.endsWith('_delta_log') ? objects.faults.listing : 'atomic';
    const staleMs = listing === 'stale' ? Math.floor(random.float() * STALE_MS_MAX) : 0;
    const now = (untilMs = scheduler.nowMs): ObjectMeta[] =>
      objects.below(folder, { recursive, untilMs });
    const whole = await this.#read('list', folder, () =>
      now(Math.max(this.#seenMs, scheduler.nowMs - staleMs)),
    );
    for (const { modifiedMs } of whole) this.#saw(modifiedMs);
    if (listing === 'pages' && whole.length >= PAGE_FILES) {
      const page = whole.slice(0, PAGE_FILES);
      await scheduler.turn(this.#process, random.float() * PART_MS_MAX);
      const last = page.at(-1)?.path ?? '';
      return [...page, ...now().filter(({ path }) => path > last)];
    }
    if (listing !== 'folder') return whole;
    // The place of a name in the folder is that of its hash.
    const isFirst = ({ path }: ObjectMeta): boolean => hashOf(path) % 2 === 0;
    await scheduler.turn(this.#process, random.float() * PART_MS_MAX);
    const rest = now().filter((meta) => !isFirst(meta));
    return [...whole.filter(isFirst), ...rest]
      .filter(({ path }) => objects.find(path) !== null)
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async #read<T>(verb: string, path: StorePath, work: () => T): Promise<T> {
    const { faults, random, scheduler } = this.#objects;
    await scheduler.turn(this.#process, this.#delayMs());
    if (this.#objects.isDown() || random.float() < faults.fail) throw failed(verb, path, this.uri);
    return work();
  }

  async #write<T>(
    verb: string,
    path: StorePath,
    work: () => T,
    effect: 'conditional' | 'write' = 'write',
  ): Promise<T> {
    const { faults, random, scheduler } = this.#objects;
    await scheduler.turn(this.#process, this.#delayMs());
    const call = { verb, uri: this.uri, path };
    const lost = (why: string): DeltaError =>
      effect === 'conditional'
        ? outcomeUnknown(call, new Error(why))
        : unavailable(call, new Error(why), true);
    let chance = random.float();
    const falls = (rate: number): boolean => {
      chance -= rate;
      return chance < 0;
    };
    if (this.#objects.isDown() || falls(faults.fail)) throw failed(verb, path, this.uri);
    if (falls(faults.loseRequest)) throw lost('the request was lost');
    if (falls(faults.late)) {
      scheduler.later(random.float() * LATE_MS_MAX, () => void work());
      throw lost('the request is under way');
    }
    const result = work();
    this.#saw(scheduler.nowMs);
    // Others, and a crash, may come between the effect and its answer.
    await scheduler.turn(this.#process);
    if (falls(faults.loseAnswer)) {
      this.#objects.perhapsGoDown();
      throw lost('the answer was lost');
    }
    if (effect === 'conditional' && falls(faults.echo)) {
      this.#objects.perhapsGoDown();
      return work();
    }
    return result;
  }

  #saw(sinceMs: number): void {
    this.#seenMs = Math.max(this.#seenMs, sinceMs);
  }

  #delayMs(): number {
    const { faults, random } = this.#objects;
    return random.float() < faults.delay ? random.float() * DELAY_MS_MAX : 0;
  }

  #perhapsTorn(path: StorePath, bytes: Uint8Array): Uint8Array {
    const { faults, random } = this.#objects;
    const mayBeTorn = path.endsWith('_last_checkpoint') || path.endsWith('.checkpoint.parquet');
    if (!mayBeTorn || random.float() >= faults.torn) return bytes;
    return bytes.subarray(0, Math.floor(random.float() * bytes.length));
  }
}

function failed(verb: string, path: StorePath, uri: string): DeltaError {
  return unavailable({ verb, uri, path }, new Error('a planned failure'), true);
}

function hashOf(text: string): number {
  let hash = 7;
  for (let index = 0; index < text.length; index += 1) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(index)) >>> 0;
  }
  return hash >>> 3;
}
