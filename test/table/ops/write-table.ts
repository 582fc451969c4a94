/** Tables to write to, in memory or on disk, and files from outside to write into them. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { ManualClock, seededRandom } from '../../../src/base/index.ts';
import { literal, type Session } from '../../../src/engine/index.ts';
import { parseDdl, type Row } from '../../../src/schema/index.ts';
import { localStore, memoryStore } from '../../../src/store/index.ts';
import { createTable, type CreateSpec } from '../../../src/table/create.ts';
import type { InputFile } from '../../../src/table/ops/input-types.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { tableContext, tableTools } from '../../../src/table/table-tools.ts';
import type { Snapshot, TableContext } from '../../../src/table/types.ts';

export interface Bench {
  readonly ctx: TableContext;
  /** Where files from outside are. */
  readonly folder: string;
  /** Writes a Parquet file from the engine's SQL; returns its URI. */
  readonly parquet: (name: string, query: string, options?: string) => Promise<string>;
  readonly text: (name: string, content: string | Uint8Array) => Promise<void>;
  /** The files of the folder, as a listing gives them. */
  readonly inputs: () => Promise<InputFile[]>;
  readonly session: Session;
}

/** Runs `work` with an empty place for a table and a folder for files, both gone afterwards. */
export async function withBench<T>(
  kind: 'memory' | 'disk',
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'write-test-'));
  const folder = join(root, 'inputs');
  const options = { clock: new ManualClock(), random: seededRandom(5) };
  const tools = tableTools({ ...options, tempDirectory: join(root, 'temp') });
  const table =
    kind === 'memory'
      ? memoryStore({ clock: options.clock, name: 't' })
      : localStore(join(root, 'table'), { ...options, durable: false });
  try {
    await mkdir(folder);
    const session = await (await tools.engine()).openSession({ threads: 1 });
    const store = localStore(folder, { ...options, durable: false });
    return await work({
      ctx: tableContext(tools, table),
      folder,
      session,
      parquet: async (name, query, format = '') => {
        const file = join(folder, name);
        await mkdir(dirname(file), { recursive: true });
        await session.run(`COPY (${query}) TO ${literal(file)} (FORMAT parquet${format})`);
        return `${store.uri}/${encodeURIComponent(name)}`;
      },
      text: (name, content) => writeFile(join(folder, name), content),
      inputs: async () => {
        const files: InputFile[] = [];
        for await (const meta of store.list('')) {
          files.push({
            ...meta,
            store,
            format: meta.path.endsWith('.jsonl') ? 'jsonl' : 'parquet',
          });
        }
        return files;
      },
    });
  } finally {
    await tools.close();
    await rm(root, { recursive: true, force: true });
  }
}

export async function tableOf(
  { ctx }: Bench,
  ddl: string,
  spec: Partial<CreateSpec> = {},
): Promise<Snapshot> {
  return (await createTable(ctx, { schema: parseDdl(ddl), ...spec })).snapshot;
}

/** The rows, in the order of their JSON. */
export async function rowsOf({ ctx }: Bench, snapshot: Snapshot): Promise<readonly Row[]> {
  const rows = await Array.fromAsync(scanRows(ctx, snapshot));
  const keyed = rows.map((row) => ({ row, key: text(row) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ row }) => row);
}

/** Objects below the table's root that are not its log. */
export async function dataFiles({ ctx }: Bench): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path } of ctx.store.list('', { recursive: true })) {
    if (!path.startsWith('_delta_log/')) found.push(path);
  }
  return found;
}

/** A single value as people write it. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : text(value).replaceAll(/"|n"$/g, '');
}

export function text(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? `${String(item)}n` : item,
  );
}
