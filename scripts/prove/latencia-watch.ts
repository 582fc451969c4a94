/**
 * latencia-watch.ts LAKE: looks at both tables of *e-Financeira* every quarter of a second, until SIGTERM, and prints how long events
 * took from their header `time` until they could be seen. Events that are late by themselves, an hour and more, count as rows only.
 *
 * Of the detail the new rows are read. The report's rows are sums: what came into them is what is in the files of the batch that the commit
 * names, as the job's checkpoint has them.
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { type DeltaTable, openTable } from 'deltawright';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { readFooter, readRows, storeSource } from '../../src/parquet/index.ts';
import { localStore } from '../../src/store/index.ts';
import { Histogram } from './histogram.ts';

export interface SeenTable {
  readonly events: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly filesMax: number;
  readonly filesLast: number;
}

export interface Seen {
  readonly detail: SeenTable;
  readonly report: SeenTable;
}

const POLL_MS = 250;
const LATE_MS = 55 * 60_000;
const [lake = ''] = process.argv.slice(2);
const store = localStore(lake, { clock: systemClock, random: systemRandom });

interface Commit {
  /** Paths below the table. */
  readonly added: readonly string[];
  /** The number of the batch, or null where it is not a job's. */
  readonly batch: number | null;
}

class WatchedTable {
  readonly name: string;
  readonly #timed = new Histogram();
  readonly #filesOf: (commit: Commit) => readonly string[];
  events = 0;
  #filesMax = 0;
  #filesLast = 0;
  #table: DeltaTable | null = null;
  #version = -1;

  /** `filesOf` gives the files, below the lake, whose events came with a commit. */
  constructor(name: string, filesOf: (commit: Commit) => readonly string[]) {
    this.name = name;
    this.#filesOf = filesOf;
  }

  async look(): Promise<void> {
    const folder = `e_financeira/${this.name}`;
    if (this.#table === null && !existsSync(join(lake, folder, '_delta_log', fileOf(0)))) return;
    this.#table ??= await openTable(join(lake, folder));
    const { version } = await this.#table.refresh();
    const seenMs = Date.now();
    if (version === this.#version) return;
    for (let next = this.#version + 1; next <= version; next += 1) {
      const commit = readCommit(join(lake, folder, '_delta_log', fileOf(next)), folder);
      for (const file of this.#filesOf(commit)) await this.#read(file, seenMs);
    }
    this.#version = version;
    this.#filesLast = [...this.#table.files()].length;
    this.#filesMax = Math.max(this.#filesMax, this.#filesLast);
  }

  seen(): SeenTable {
    const timed = this.#timed;
    return {
      events: this.events,
      p50Ms: timed.quantile(0.5),
      p99Ms: timed.quantile(0.99),
      maxMs: timed.maxMs,
      filesMax: this.#filesMax,
      filesLast: this.#filesLast,
    };
  }

  async #read(file: string, seenMs: number): Promise<void> {
    const head = await store.head(file);
    const source = storeSource(store, file, { sizeBytes: head?.sizeBytes ?? 0 });
    for await (const row of readRows(source, await readFooter(source), { columns: [['time']] })) {
      const tookMs = seenMs - Number(row['time']) / 1000;
      this.events += 1;
      if (tookMs < LATE_MS) this.#timed.add(tookMs);
    }
  }
}

function fileOf(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

function readCommit(file: string, folder: string): Commit {
  const added: string[] = [];
  let batch: number | null = null;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const { add, commitInfo } = JSON.parse(line) as {
      readonly add?: { readonly path: string; readonly dataChange: boolean };
      readonly commitInfo?: { readonly deltawrightBatch?: { readonly batch: number } };
    };
    if (add?.dataChange === true) added.push(`${folder}/${decodeURIComponent(add.path)}`);
    batch = commitInfo?.deltawrightBatch?.batch ?? batch;
  }
  return { added, batch };
}

/** The files that a batch of the report's job took, from its checkpoint. */
function filesOfBatch({ batch }: Commit): readonly string[] {
  if (batch === null) return [];
  const checkpoint = join(lake, '_checkpoints/gerar-relatorio-transmissao');
  const end = logOffset(checkpoint, batch);
  const begin = batch === 0 ? -1 : logOffset(checkpoint, batch - 1);
  const files: string[] = [];
  for (let offset = begin + 1; offset <= end; offset += 1) {
    const place = join(checkpoint, 'sources/0', String(offset));
    const text = readFileSync(existsSync(place) ? place : `${place}.compact`, 'utf8');
    for (const line of text.split('\n').slice(1)) {
      const { path, batchId } = JSON.parse(line) as { path?: string; batchId?: number };
      if (path === undefined || batchId !== offset) continue;
      files.push(fileURLToPath(path).slice(lake.length + 1));
    }
  }
  return files;
}

function logOffset(checkpoint: string, batch: number): number {
  const line = readFileSync(join(checkpoint, 'offsets', String(batch)), 'utf8')
    .split('\n')
    .at(-1);
  return (JSON.parse(line ?? '{}') as { readonly logOffset: number }).logOffset;
}

const detail = new WatchedTable('evento_transmitido', ({ added }) => added);
const report = new WatchedTable('relatorio_transmissao', filesOfBatch);
const over = new AbortController();
process.once('SIGTERM', () => over.abort());
while (!over.signal.aborted) {
  const beginMs = Date.now();
  await detail.look();
  await report.look();
  const counts = JSON.stringify({ detail: detail.events, report: report.events });
  writeFileSync(join(lake, 'watched.tmp'), counts);
  renameSync(join(lake, 'watched.tmp'), join(lake, 'watched.json'));
  await sleep(Math.max(0, POLL_MS - (Date.now() - beginMs)));
}
const seen: Seen = { detail: detail.seen(), report: report.seen() };
console.log(JSON.stringify(seen));
