/** What programs share: the engine's sessions, each used again by the next who asks for one, and a folder for tables. */

import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import {
  createEngine,
  type Engine,
  type Session,
  type SessionOptions,
} from '../../src/engine/index.ts';
import { type TableTools, tableTools } from '../../src/table/index.ts';

export class World {
  readonly #folder = mkdtempSync(join(tmpdir(), 'differential-'));
  readonly #engine: Engine;
  #programs = 0;

  constructor() {
    this.#engine = sharing(createEngine({ tempDirectory: this.#folder, threads: 1 }));
  }

  /** Runs `work` with tools of its own and an empty folder, which is removed afterwards. */
  async with<T>(work: (tools: TableTools, folder: string) => Promise<T>): Promise<T> {
    this.#programs += 1;
    const folder = join(this.#folder, `p${this.#programs}`);
    const options = { clock: new ManualClock(), random: seededRandom(1), durable: false };
    const tools = { ...tableTools(options), engine: () => Promise.resolve(this.#engine) };
    try {
      return await work(tools, folder);
    } finally {
      await tools.close();
      await rm(folder, { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {
    await this.#engine.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** To open the engine costs more than all statements on a small table together. */
function sharing(engine: Engine): Engine {
  const idle = new Map<string, Session[]>();
  return {
    openSession: async (options: SessionOptions = {}) => {
      const key = JSON.stringify(options);
      const session = idle.get(key)?.pop() ?? (await engine.openSession(options));
      return {
        tempDirectory: session.tempDirectory,
        run: (sql, statement) => session.run(sql, statement),
        query: (sql, statement) => session.query(sql, statement),
        stream: (sql, statement) => session.stream(sql, statement),
        close: async () => {
          await emptied(session);
          idle.set(key, [...(idle.get(key) ?? []), session]);
        },
      };
    },
    close: () => engine.close(),
  };
}

/** Without what its user left in it. */
async function emptied(session: Session): Promise<void> {
  const quoted = (column: string): string => `'"' || replace(${column}, '"', '""') || '"'`;
  const drops = (kind: string, name: string): string =>
    `SELECT 'DROP ${kind} ' || ${quoted('schema_name')} || '.' || ${quoted(name)} AS statement`;
  const left = await session.query(
    `${drops('TABLE', 'table_name')} FROM duckdb_tables() UNION ALL ` +
      `${drops('VIEW', 'view_name')} FROM duckdb_views() WHERE NOT internal`,
  );
  for (const { statement } of left) if (typeof statement === 'string') await session.run(statement);
  for (const file of await readdir(session.tempDirectory)) {
    await rm(join(session.tempDirectory, file), { recursive: true });
  }
}
