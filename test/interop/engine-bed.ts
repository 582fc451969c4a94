/** What the tests of one file share with others' engines. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { type EngineProcess, startPeers, startSpark, startSparkForFewRows } from './engines.ts';

type Engine = 'peers' | 'spark';

interface EngineBedOptions {
  /** Default: all. */
  readonly engines?: readonly Engine[];
  /** Whether Spark is set up for tables of a few rows. Default false. */
  readonly fewRows?: boolean;
}

/** A folder for tables, and engines, which run from before the first test of the file until after the last. */
export class EngineBed {
  readonly folder: string;
  readonly #running = new Map<Engine, EngineProcess>();

  constructor(
    name: string,
    { engines = ['peers', 'spark'], fewRows = false }: EngineBedOptions = {},
  ) {
    this.folder = mkdtempSync(join(tmpdir(), `${name}-`));
    beforeAll(async () => {
      if (engines.includes('peers')) this.#running.set('peers', startPeers());
      if (!engines.includes('spark')) return;
      this.#running.set('spark', await (fewRows ? startSparkForFewRows() : startSpark()));
    });
    afterAll(async () => {
      await Promise.all([...this.#running.values()].map((engine) => engine.stop()));
      rmSync(this.folder, { recursive: true });
    });
  }

  /** delta-rs and DuckDB's Delta reader. */
  get peers(): EngineProcess {
    return this.#engine('peers');
  }

  get spark(): EngineProcess {
    return this.#engine('spark');
  }

  #engine(name: Engine): EngineProcess {
    const engine = this.#running.get(name);
    if (engine === undefined)
      throw new Error(`${name} was not asked for, or the tests have not begun`);
    return engine;
  }
}
