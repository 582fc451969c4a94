/** Jobs that take messages with an id and a time, and what is in their sinks then. */

import { readFooter, readRows, storeSource } from '../../src/parquet/index.ts';
import type { JobInput } from '../../src/jobs/index.ts';
import type { Row } from '../../src/schema/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { SinkLogReader } from '../../src/stream/index.ts';
import { openSnapshot, scanRows } from '../../src/table/index.ts';
import type { JobBench } from './bench.ts';
import { openKafkaBench, type Recorded, SOURCE, type TopicSource } from './kafka-bench.ts';

export const JSON_SOURCE: TopicSource = {
  ...SOURCE,
  value: { format: 'json', schema: 'n LONG, nome STRING' },
  headers: 'id STRING, time TIMESTAMP',
  dateFrom: 'time',
};

export const FOLDER: JobInput['sink'] = { kind: 'parquet', partitionBy: ['date'] };

export async function openMessagesBench(
  jobs: Readonly<Record<string, JobInput>>,
): Promise<JobBench> {
  return openKafkaBench({}, {}, { jobs });
}

/** The message at `offset` with an id, of a day of January 2026. */
export function sent(
  offset: number,
  id: string,
  day = 1,
  value: Recorded['value'] = { n: offset },
): Recorded {
  const time = `2026-01-${String(day).padStart(2, '0')}T10:00:00Z`;
  return { offset, value, headers: { id, time } };
}

/** The rows of a folder, as readers of its log see them. */
export async function folderRows(bench: JobBench, folder: string): Promise<Row[]> {
  const store = bench.store(`file://${bench.folder}/${folder}`);
  const log = await SinkLogReader.open(store);
  const { files } = (await log?.read()) ?? { files: [] };
  const rows = await Promise.all(
    files.map(({ path, sizeBytes }) => rowsOf(store, path, sizeBytes)),
  );
  return rows.flat();
}

export async function rejectedRows(bench: JobBench, job: string): Promise<Row[]> {
  const store = bench.store(`file://${bench.folder}/lake/_rejected/${job}`);
  const rows: Row[] = [];
  for await (const { path, sizeBytes } of store.list('', { recursive: true })) {
    rows.push(...(await rowsOf(store, path, sizeBytes)));
  }
  return rows;
}

export async function tableRows(bench: JobBench, name: string): Promise<Row[]> {
  const { openStore, ...context } = bench.context();
  const table = { ...context, store: openStore(`file://${bench.folder}/lake/d/${name}`) };
  return Array.fromAsync(scanRows(table, await openSnapshot(table)));
}

/** Ids in order. */
export function ids(rows: readonly Row[]): string[] {
  return rows.map(({ id }) => (typeof id === 'string' ? id : '')).sort();
}

async function rowsOf(store: ObjectStore, path: string, sizeBytes: number): Promise<Row[]> {
  const source = storeSource(store, path, { sizeBytes });
  const rows: Row[] = [];
  for await (const row of readRows(source, await readFooter(source))) rows.push(row as Row);
  return rows;
}
