/**
 * Work outside of the simulation, which takes real time: statements of the engine, and files on disk. Sessions of the engine
 * are used again by others, since to open one costs more than most operations.
 */

import { setImmediate } from 'node:timers/promises';

import {
  type ColumnChunkValues,
  createEngine,
  type Engine,
  identifier,
  type Session,
  type SessionOptions,
} from '../../../src/engine/index.ts';

const LIMITS: SessionOptions = { threads: 1, memoryLimitBytes: 128 * 1024 * 1024 };

/** Requests to files and their ends, and the pauses of long loops, as Node names them. */
const WORK = /^(?:FSReq|CloseReq|Immediate)/;

export class Outside {
  readonly #engine = createEngine(LIMITS);
  readonly #free: Session[] = [];
  readonly #calls = new Set<Promise<void>>();

  /** Whether any is under way. */
  isBusy(): boolean {
    return this.#calls.size > 0 || process.getActiveResourcesInfo().some((it) => WORK.test(it));
  }

  /** Resolves when some of it may have ended. */
  async wait(): Promise<void> {
    if (this.#calls.size > 0) await Promise.race(this.#calls);
    else await setImmediate();
  }

  /** Resolves when none is left. */
  async idle(): Promise<void> {
    while (this.isBusy()) await this.wait();
  }

  /** The engine, whose calls are known as work. */
  engine(): Engine {
    return {
      openSession: async () => {
        const session = this.#free.pop() ?? (await this.#during(this.#engine.openSession()));
        return this.#watched(session);
      },
      close: async () => {},
    };
  }

  /** Nothing may be under way. */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  #watched(session: Session): Session {
    let isOpen = true;
    return {
      tempDirectory: session.tempDirectory,
      run: (sql, options) => this.#during(session.run(sql, options)),
      query: (sql, options) => this.#during(session.query(sql, options)),
      stream: (sql, options) => this.#stream(session.stream(sql, options)),
      close: async () => {
        if (!isOpen) return;
        isOpen = false;
        await this.#during(empty(session));
        this.#free.push(session);
      },
    };
  }

  async *#stream(chunks: AsyncIterable<ColumnChunkValues>): AsyncGenerator<ColumnChunkValues> {
    const iterator = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#during(iterator.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    const end = work.then(ignored, ignored);
    this.#calls.add(end);
    try {
      return await work;
    } finally {
      this.#calls.delete(end);
    }
  }
}

/** Who waits for the work itself hears how it ended. */
function ignored(): void {}

async function empty(session: Session): Promise<void> {
  for (const { name } of await session.query('SELECT table_name AS name FROM duckdb_tables()')) {
    if (typeof name === 'string') await session.run(`DROP TABLE ${identifier(name)}`);
  }
}
