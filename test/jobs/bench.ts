/** A lake on the local disk for tests of jobs: samples go in, the job runs, tables come out. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { type Clock, ManualClock, type Random, seededRandom } from '../../src/base/index.ts';
import { fileCatalog } from '../../src/catalog/index.ts';
import { createEngine, type Engine } from '../../src/engine/index.ts';
import {
  type Config,
  type ConfigInput,
  type JobContext,
  parseConfig,
  runJob,
  type RunOptions,
  type RunResult,
} from '../../src/jobs/index.ts';
import { rowsToArrow, writeParquet } from '../../src/parquet/index.ts';
import { parseDdl, type Row, type RowValue } from '../../src/schema/index.ts';
import { localStore, type ObjectStore } from '../../src/store/index.ts';
import {
  manifestPaths,
  openSnapshot,
  type Snapshot,
  type TableContext,
} from '../../src/table/index.ts';
import { scanRows } from '../../src/table/ops/scan.ts';

export const EVENT_DDL =
  'id STRING, data_hora_evento TIMESTAMP, codigo_usuario STRING, nome_usuario STRING';

export interface Event {
  readonly id: string | null;
  readonly at: string | null;
  readonly user: string | null;
  readonly name: string | null;
}

/** An event with a time on one day: `event('e1', '10:00', 'u1', 'Ana')`. */
export function event(
  id: string | null,
  time: string | null,
  user: string | null,
  name: string | null,
): Event {
  return { id, at: time === null ? null : `2025-01-10T${time}:00Z`, user, name };
}

const source = { kind: 'files', location: 'samples', schema: EVENT_DDL } as const;

export const USUARIOS: ConfigInput = {
  lake: { location: 'lake' },
  database: 'usuarios',
  jobs: {
    evento: {
      source,
      keys: ['id'],
      dropDuplicates: { columns: ['id'], against: 'table' },
      sink: { kind: 'append', table: 'usuario_evento_delta', virtualTable: 'usuario_evento' },
    },
    merge: {
      source,
      keys: ['id', 'codigo_usuario'],
      dropDuplicates: { columns: ['id'], against: 'batch' },
      keepLatest: { by: ['codigo_usuario'], orderBy: ['data_hora_evento', 'nome_usuario'] },
      sink: {
        kind: 'merge',
        table: 'usuario_delta',
        virtualTable: 'usuario',
        schema: 'codigo_usuario STRING, nome_usuario STRING, data_hora_evento TIMESTAMP',
        on: 't.codigo_usuario = s.codigo_usuario',
        whenMatched: [
          {
            condition:
              's.data_hora_evento > t.data_hora_evento' +
              ' OR (s.data_hora_evento IS NOT NULL AND t.data_hora_evento IS NULL)' +
              ' OR (s.data_hora_evento <=> t.data_hora_evento AND s.nome_usuario > t.nome_usuario)',
            update: '*',
          },
        ],
      },
    },
  },
};

export class JobBench {
  readonly folder: string;
  readonly clock: ManualClock = new ManualClock();
  readonly random: Random = seededRandom(7);
  readonly config: Config;
  #engine: Engine | null = null;

  private constructor(folder: string, config: ConfigInput) {
    this.folder = folder;
    this.config = parseConfig(config, folder);
  }

  static async open(config: ConfigInput = USUARIOS): Promise<JobBench> {
    return new JobBench(await mkdtemp(join(tmpdir(), 'jobs-')), config);
  }

  async close(): Promise<void> {
    await this.#engine?.close();
    await rm(this.folder, { recursive: true });
  }

  store(uri: string): ObjectStore {
    const { clock, random } = this;
    return localStore(fileURLToPath(uri), { clock, random, durable: false });
  }

  /** What a run is given. `root` is the store of the bench's folder; a faulty one, for instance. */
  context(root: ObjectStore = this.store(pathToFileURL(this.folder).href)): JobContext {
    const { clock, random }: { clock: Clock; random: Random } = this;
    const base = pathToFileURL(`${this.folder}/`).href;
    // What a job reads may ship beside it; what it writes is in the folder.
    const openStore = (uri: string): ObjectStore =>
      uri.startsWith(base) ? root.at(decodeURIComponent(uri.slice(base.length))) : this.store(uri);
    const catalog = this.config.catalog.kind === 'file' ? this.config.catalog.location : '';
    return {
      clock,
      random,
      openStore,
      catalog: fileCatalog(openStore(catalog), { clock, random }),
      engine: async () => (this.#engine ??= createEngine()),
      resolve: async (uri) => {
        const slash = uri.lastIndexOf('/');
        return {
          store: this.store(uri.slice(0, slash)),
          path: decodeURIComponent(uri.slice(slash + 1)),
        };
      },
    };
  }

  async run(job: string, options: RunOptions = {}): Promise<RunResult> {
    return runJob(this.config, job, this.context(), options);
  }

  async putBytes(path: string, bytes: string | Uint8Array): Promise<void> {
    const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    await this.store(`file://${this.folder}/samples`).put(path, content, { kind: 'overwrite' });
  }

  async parquet(path: string, events: readonly Event[]): Promise<void> {
    const table = await rowsToArrow(parseDdl(EVENT_DDL), events.map(toRow));
    await this.putBytes(path, await writeParquet(table));
  }

  async lines(path: string, events: readonly Event[]): Promise<void> {
    await this.putBytes(path, events.map((it) => `${JSON.stringify(toRow(it))}\n`).join(''));
  }

  table(name: string): TableContext {
    const { clock, random, engine, resolve, openStore } = this.context();
    const store = openStore(`file://${this.folder}/lake/usuarios/${name}`);
    return { store, clock, random, engine, resolve };
  }

  async snapshot(name: string): Promise<Snapshot> {
    return openSnapshot(this.table(name));
  }

  async rows(name: string): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const row of scanRows(this.table(name), await this.snapshot(name))) rows.push(row);
    return rows;
  }

  /** Id and name of the events, or user and name, in order. */
  async pairs(name: string): Promise<(RowValue | undefined)[][]> {
    const key = name === 'usuario_delta' ? 'codigo_usuario' : 'id';
    const pairs = (await this.rows(name)).map((row) => [row[key], row['nome_usuario']]);
    return pairs.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  /** The data files that the manifest names, against those of the snapshot. */
  async manifest(name: string): Promise<{ listed: string[]; live: string[] }> {
    const snapshot = await this.snapshot(name);
    const listed: string[] = [];
    for await (const uri of manifestPaths(this.table(name), snapshot.version)) {
      listed.push(decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1)));
    }
    const live = [...snapshot.files()].map(({ path }) => decodeURIComponent(path));
    return { listed: listed.sort(), live: live.sort() };
  }

  async names(folder: string): Promise<string[]> {
    const names = await readdir(join(this.folder, folder)).catch(() => []);
    return names.filter((name) => !name.startsWith('.')).sort();
  }

  async text(path: string): Promise<string> {
    return readFile(join(this.folder, path), 'utf8');
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.folder, path), { recursive: true });
  }
}

function toRow({ id, at, user, name }: Event): Row {
  return { id, data_hora_evento: at, codigo_usuario: user, nome_usuario: name };
}
