/** Tables whose files the engine wrote, in memory or on disk, for tests of reading. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock, seededRandom } from '../../../src/base/index.ts';
import { createEngine, literal } from '../../../src/engine/index.ts';
import {
  type DeletionVectorDescriptor,
  PORTABLE_PROTOCOL,
  type Protocol,
} from '../../../src/log/index.ts';
import { parseDdl, printSchema, type StructType } from '../../../src/schema/index.ts';
import { localStore, memoryStore, type ObjectStore } from '../../../src/store/index.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../../src/table/types.ts';

export interface FileSpec {
  /** The object's key. */
  readonly key: string;
  /** As the log spells it. Default: the key. */
  readonly path?: string;
  /** The rows, in the engine's SQL. */
  readonly query: string;
  readonly partitionValues?: Readonly<Record<string, string | null>>;
  readonly stats?: object;
  /** Named in the log and not there. */
  readonly missing?: boolean;
  readonly deletionVector?: DeletionVectorDescriptor;
  /** What the log says. Default: what it is. */
  readonly size?: number;
}

export interface TableSpec {
  readonly ddl: string;
  /** Default: what `ddl` says. */
  readonly schema?: StructType;
  readonly configuration?: Readonly<Record<string, string>>;
  /** Default: reader 1, writer 2. */
  readonly protocol?: Protocol;
  /** Further objects: key and bytes. */
  readonly objects?: ReadonlyMap<string, Uint8Array>;
  readonly partitionColumns?: readonly string[];
  readonly files: readonly FileSpec[];
}

export interface EngineTable {
  readonly ctx: TableContext;
  readonly folder: string;
  readonly snapshot: Snapshot;
  /** Keys that were read, each once. */
  readonly touched: Set<string>;
}

/** Runs `work` on a table in memory (whose files must be staged) or on disk (whose files are read in place). */
export async function withTable<T>(
  kind: 'memory' | 'disk',
  spec: TableSpec,
  work: (table: EngineTable) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'scan-test-'));
  const clock = new ManualClock();
  const random = seededRandom(3);
  const options = { clock, random, durable: false };
  const engine = createEngine({ threads: 2, tempDirectory: folder });
  try {
    const store =
      kind === 'memory'
        ? memoryStore({ clock, name: 't' })
        : localStore(join(folder, 't'), options);
    const touched = new Set<string>();
    const ctx: TableContext = {
      store: watched(store, touched),
      clock,
      random,
      engine: () => Promise.resolve(engine),
      resolve: (uri) =>
        Promise.resolve({ store: localStore('/', options), path: new URL(uri).pathname.slice(1) }),
    };
    const session = await engine.openSession({ threads: 1 });
    const adds: object[] = [];
    for (const file of spec.files) {
      const local = join(folder, 'file.parquet');
      await session.run(
        `COPY (${file.query}) TO ${literal(local)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
      );
      const bytes = await readFile(local);
      if (file.missing !== true) await store.put(file.key, bytes, { kind: 'create' });
      adds.push({
        add: {
          path: file.path ?? file.key,
          partitionValues: file.partitionValues ?? {},
          size: file.size ?? bytes.length,
          modificationTime: 1,
          dataChange: true,
          ...(file.stats === undefined ? {} : { stats: JSON.stringify(file.stats) }),
          ...(file.deletionVector === undefined ? {} : { deletionVector: file.deletionVector }),
        },
      });
    }
    await session.close();
    for (const [key, bytes] of spec.objects ?? []) await store.put(key, bytes, { kind: 'create' });
    await store.put('_delta_log/00000000000000000000.json', logOf(spec, adds), { kind: 'create' });
    return await work({ ctx, folder, snapshot: await openSnapshot(ctx), touched });
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function logOf(spec: TableSpec, adds: readonly object[]): Uint8Array {
  const metaData = {
    id: 't',
    format: { provider: 'parquet', options: {} },
    schemaString: printSchema(spec.schema ?? parseDdl(spec.ddl)),
    partitionColumns: spec.partitionColumns ?? [],
    configuration: spec.configuration ?? {},
  };
  const lines = [{ protocol: spec.protocol ?? PORTABLE_PROTOCOL }, { metaData }, ...adds];
  return new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** The store itself, that notes which objects are read. */
function watched(store: ObjectStore, touched: Set<string>): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]): unknown => {
        if (name === 'getRange' && typeof args[0] === 'string') touched.add(args[0]);
        return Reflect.apply(value, target, args);
      };
    },
  });
}
