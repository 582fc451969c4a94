/**
 * bookkeeping.ts FOLDER COUNT prepare|batch|listing|sink-prepare|sink-batch: what a batch costs beside its data where the
 * source remembers COUNT files. `prepare` makes that state; `batch` adds a file and takes it, in a new process; `listing`
 * only lists the files. The last two are the same for a folder that has a sink's log.
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { seededRandom, systemClock } from '../../../src/base/index.ts';
import { localStore, type ObjectStore } from '../../../src/store/index.ts';
import { CompactLog } from '../../../src/stream/compact-log.ts';
import { FileSource } from '../../../src/stream/file-source.ts';
import { SinkLogWriter } from '../../../src/stream/sink-log.ts';

const [folder = '', count = '0', mode = ''] = process.argv.slice(2);
const fileCount = Number(count);
const FILES_PER_FOLDER = 1000;
const NO_LIMIT = { filesMax: Infinity, bytesMax: Infinity };

const store = (name: string): ObjectStore =>
  localStore(join(folder, name), { clock: systemClock, random: seededRandom(1) });
const pathOf = (index: number): string => {
  const day = String(Math.floor(index / FILES_PER_FOLDER)).padStart(5, '0');
  const part = String(index % 32).padStart(5, '0');
  const id = String(index).padStart(12, '0');
  return `date=${day}/part-${part}-1f0c4ad2-78e6-8fd7-9c3b-${id}-c000.snappy.parquet`;
};

function makeFile(index: number): void {
  const file = join(folder, 'files', pathOf(index));
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '');
}

async function takeNew(): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  let last = performance.now();
  const lap = (name: string): void => {
    const now = performance.now();
    times[name] = Math.round(now - last);
    last = now;
  };
  const source = await FileSource.open(store('files'), store('checkpoint'));
  lap('open_ms');
  const offered = await source.listNew(NO_LIMIT);
  lap('list_ms');
  for (const batch of offered) {
    const before = source.logOffset;
    await source.plan(batch.map((file) => ({ file, probe: { kind: 'ready' } })));
    await source.plannedFiles({ after: before, through: source.logOffset });
  }
  lap('plan_ms');
  await source.clean();
  lap('clean_ms');
  return { files: offered.flat().length, ...times };
}

async function logSink(from: number, through: number): Promise<void> {
  const files = Array.from({ length: through - from }, (_, index) => ({
    path: pathOf(from + index),
    sizeBytes: 0,
    modifiedMs: systemClock.now(),
  }));
  await (await SinkLogWriter.open(store('files'))).append(files);
}

/** The file that the next batch finds: one for each entry of the log of the source. */
async function nextIndex(): Promise<number> {
  const faults = {
    broken: (location: string) => new Error(location) as never,
    version: (location: string) => new Error(location) as never,
  };
  const log = await CompactLog.open(store('checkpoint').at('sources/0'), faults);
  return fileCount + log.latest;
}

async function addFile(toSink: boolean): Promise<void> {
  const index = await nextIndex();
  makeFile(index);
  if (toSink) await logSink(index, index + 1);
}

async function prepare(toSink: boolean): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  for (let index = 0; index < fileCount; index += 1) makeFile(index);
  if (toSink) await logSink(0, fileCount);
  await takeNew();
}

async function list(): Promise<Record<string, number>> {
  let files = 0;
  for await (const _ of store('files').list('', { recursive: true })) files += 1;
  return { files };
}

const toSink = mode.startsWith('sink-');
const step = toSink ? mode.slice('sink-'.length) : mode;
if (step === 'prepare') await prepare(toSink);
else if (step === 'listing') console.log(JSON.stringify(await list()));
else {
  await addFile(toSink);
  console.log(JSON.stringify(await takeNew()));
}
