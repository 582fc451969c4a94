/** Log tables in memory, and such whose calls fail, lose their answers, or end their process. */

import { unreachable } from '../../src/base/index.ts';
import { crashed, outcomeUnknown, unavailable } from '../../src/store/errors.ts';
import type { Fault, LogEntry, LogTable } from '../../src/store/index.ts';

type Key = Pick<LogEntry, 'tablePath' | 'fileName'>;

export class MemoryLogTable implements LogTable {
  readonly name = 'delta_log';
  readonly entries = new Map<string, LogEntry>();

  async get(key: Key): Promise<LogEntry | null> {
    return this.entries.get(keyOf(key)) ?? null;
  }

  async latest(tablePath: string): Promise<LogEntry | null> {
    const own = [...this.entries.values()].filter((entry) => entry.tablePath === tablePath);
    return own.sort((a, b) => (a.fileName < b.fileName ? 1 : -1))[0] ?? null;
  }

  async create(entry: LogEntry): Promise<'written' | 'exists'> {
    if (this.entries.has(keyOf(entry))) return 'exists';
    this.entries.set(keyOf(entry), entry);
    return 'written';
  }

  async replace(entry: LogEntry): Promise<void> {
    this.entries.set(keyOf(entry), entry);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

/** The same table under a plan of faults; as with stores, a crash is for good. */
export class FaultyLogTable implements LogTable {
  readonly name: string;
  readonly #inner: LogTable;
  readonly #plan: (isWrite: boolean) => Fault;

  constructor(inner: LogTable, plan: (isWrite: boolean) => Fault) {
    this.name = inner.name;
    this.#inner = inner;
    this.#plan = plan;
  }

  async get(key: Key): Promise<LogEntry | null> {
    return this.#perform('get', () => this.#inner.get(key));
  }

  async latest(tablePath: string): Promise<LogEntry | null> {
    return this.#perform('latest', () => this.#inner.latest(tablePath));
  }

  async create(entry: LogEntry): Promise<'written' | 'exists'> {
    return this.#perform('create', () => this.#inner.create(entry));
  }

  async replace(entry: LogEntry): Promise<void> {
    return this.#perform('replace', () => this.#inner.replace(entry));
  }

  async close(): Promise<void> {
    return this.#inner.close();
  }

  async #perform<T>(verb: string, work: () => Promise<T>): Promise<T> {
    const call = { verb, uri: this.name, path: '' };
    const lost = verb === 'create' ? outcomeUnknown : unavailableLater;
    const { kind } = this.#plan(verb === 'create' || verb === 'replace');
    switch (kind) {
      case 'none':
      case 'delay':
        return work();
      case 'fail':
        throw unavailableLater(call, new Error('a planned failure'));
      case 'lose-request':
        throw lost(call, new Error('a planned loss of the request'));
      case 'lose-answer':
        await work();
        throw lost(call, new Error('a planned loss of the answer'));
      case 'crash':
        throw crashed(call);
      case 'crash-after':
        await work();
        throw crashed(call);
      default:
        return unreachable(kind);
    }
  }
}

function unavailableLater(
  call: { readonly verb: string; readonly uri: string; readonly path: string },
  cause: unknown,
): Error {
  return unavailable(call, cause, true);
}

function keyOf({ tablePath, fileName }: Key): string {
  return `${tablePath}\n${fileName}`;
}
