/** The table that decides commits, as one process sees it: consistent, as its interface promises, and with the store's faults. */

import type { LogEntry, LogTable } from '../../src/store/index.ts';
import type { Objects } from './objects.ts';
import type { Process } from './scheduler.ts';
import { Wire } from './wire.ts';

type Key = Pick<LogEntry, 'tablePath' | 'fileName'>;

interface Held {
  readonly entry: LogEntry;
  readonly sinceMs: number;
}

/** The entries of one Delta table, whoever asks. */
export class Entries {
  readonly #objects: Objects;
  readonly #watch: (entry: LogEntry) => void;
  readonly #byName = new Map<string, Held>();

  /** `watch` is told of each entry that decides a commit, before its effect. */
  constructor(objects: Objects, watch: (entry: LogEntry) => void) {
    this.#objects = objects;
    this.#watch = watch;
  }

  find(fileName: string): LogEntry | null {
    return this.#byName.get(fileName)?.entry ?? null;
  }

  latest(): LogEntry | null {
    const names = [...this.#byName.keys()].sort();
    return this.find(names.at(-1) ?? '');
  }

  create(entry: LogEntry): 'written' | 'exists' {
    if (this.#byName.has(entry.fileName)) return 'exists';
    this.#watch(entry);
    this.replace(entry);
    return 'written';
  }

  replace(entry: LogEntry): void {
    this.#byName.set(entry.fileName, { entry, sinceMs: this.#objects.scheduler.nowMs });
  }

  /** Deletes complete entries that nobody needs any more. */
  expire(beforeMs: number): void {
    for (const [name, { entry, sinceMs }] of this.#byName) {
      if (entry.complete && sinceMs < beforeMs) this.#byName.delete(name);
    }
  }

  /** The same entries in a table without faults, for the judge. */
  copy(): LogTable {
    const own = new Entries(this.#objects, () => {});
    for (const [name, held] of this.#byName) own.#byName.set(name, held);
    return {
      name: NAME,
      get: async ({ fileName }) => own.find(fileName),
      latest: async () => own.latest(),
      create: async (entry) => own.create(entry),
      replace: async (entry) => own.replace(entry),
      close: async () => {},
    };
  }
}

const NAME = 'delta_log';

export class SimLogTable implements LogTable {
  readonly name = NAME;
  readonly #entries: Entries;
  readonly #wire: Wire;

  constructor(entries: Entries, objects: Objects, process: Process) {
    this.#entries = entries;
    this.#wire = new Wire(objects, process);
  }

  async get({ fileName }: Key): Promise<LogEntry | null> {
    return this.#wire.read(callOf('get', fileName), () => this.#entries.find(fileName));
  }

  async latest(): Promise<LogEntry | null> {
    return this.#wire.read(callOf('latest', ''), () => this.#entries.latest());
  }

  async create(entry: LogEntry): Promise<'written' | 'exists'> {
    return this.#wire.write(callOf('create', entry.fileName), 'conditional', () =>
      this.#entries.create(entry),
    );
  }

  async replace(entry: LogEntry): Promise<void> {
    return this.#wire.write(callOf('replace', entry.fileName), 'write', () => {
      this.#entries.replace(entry);
    });
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

function callOf(verb: string, path: string): Parameters<Wire['read']>[0] {
  return { verb, uri: NAME, path };
}
