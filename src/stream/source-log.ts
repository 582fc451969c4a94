/**
 * The files a source has handed out, remembered exactly, in the format of Spark's file source:
 *
 *     sources/0/N           v1↵{"path":"file:///…/a.json","timestamp":1795365491216,"batchId":N}     one line a file
 *     sources/0/N.compact   every tenth: the entries of all before it, too
 *
 * `N` counts the listings that found files, not the batches: `offsets/M` names the last one that its batch takes. A file
 * that was planned only to be rejected is there with one member more, which Spark passes over: `"rejected"`.
 */

import { isJsonObject, type JsonObject, printJson } from '../base/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { BATCHES_KEPT, parseObject, splitVersioned } from './checkpoint.ts';
import { checkpointBroken } from './errors.ts';
import { readText, writeOnce } from './write-once.ts';

const COMPACT_EVERY = 10;

/** Why no row of a file was taken. */
export interface FileRejection {
  readonly code: string;
  readonly reason: string;
  /** With the entry's timestamp, tells the file from a later one of the same name. */
  readonly sizeBytes: number;
}

export interface FileEntry {
  /** `path-uri.ts` */
  readonly uri: string;
  readonly modifiedMs: number;
  /** The file of the log it came with. */
  readonly logOffset: number;
  readonly rejected: FileRejection | null;
}

export interface SourceLog {
  /** Rooted at `sources/0`. */
  readonly store: ObjectStore;
  /** The last file of the log, or -1. */
  readonly latest: number;
  readonly compactEvery: number;
  /** Everything handed out, in the order it was. */
  readonly entries: readonly FileEntry[];
}

/** Errors: `CHECKPOINT_BROKEN` where a file of the log is missing or cannot be read; `CHECKPOINT_VERSION`. */
export async function readSourceLog(store: ObjectStore): Promise<SourceLog> {
  const { plain, compacts } = await listLog(store);
  const compacted = compacts.at(-1) ?? -1;
  const latest = Math.max(compacted, plain.at(-1) ?? -1);
  const files = compacted < 0 ? [] : [`${compacted}.compact`];
  for (let offset = compacted + 1; offset <= latest; offset += 1) files.push(`${offset}`);
  const read = await Promise.all(files.map((file) => readEntries(store, file)));
  return { store, latest, compactEvery: intervalOf(compacts), entries: read.flat() };
}

/** Adds the next file of the log. Errors: `JOB_CONCURRENT` where another process added a different one. */
export async function appendSourceLog(
  log: SourceLog,
  added: readonly Omit<FileEntry, 'logOffset'>[],
): Promise<SourceLog> {
  const latest = log.latest + 1;
  const fresh = added.map((entry) => ({ ...entry, logOffset: latest }));
  const entries = [...log.entries, ...fresh];
  const compact = (latest + 1) % log.compactEvery === 0;
  const lines = (compact ? entries : fresh).map(printEntry);
  await writeOnce(
    log.store,
    compact ? `${latest}.compact` : `${latest}`,
    ['v1', ...lines].join('\n'),
  );
  return { ...log, latest, entries };
}

/** Deletes what the last compact file more than `BATCHES_KEPT` behind holds as well. */
export async function cleanSourceLog(log: SourceLog): Promise<void> {
  const { plain, compacts } = await listLog(log.store);
  const keep = compacts.findLast((offset) => offset <= log.latest - BATCHES_KEPT);
  if (keep === undefined) return;
  const old = [
    ...plain.filter((offset) => offset < keep).map(String),
    ...compacts.filter((offset) => offset < keep).map((offset) => `${offset}.compact`),
  ];
  await log.store.delete(old.flatMap((name) => [name, `.${name}.crc`]));
}

async function listLog(store: ObjectStore): Promise<{ plain: number[]; compacts: number[] }> {
  const plain: number[] = [];
  const compacts: number[] = [];
  for await (const { path } of store.list('')) {
    const match = /^(\d{1,15})(\.compact)?$/.exec(path);
    if (match !== null) (match[2] === undefined ? plain : compacts).push(Number(match[1]));
  }
  const rising = (a: number, b: number): number => a - b;
  return { plain: plain.sort(rising), compacts: compacts.sort(rising) };
}

async function readEntries(store: ObjectStore, file: string): Promise<FileEntry[]> {
  const text = await readText(store, file);
  if (text === null) throw checkpointBroken(store.uri, file, 'a file of the source is missing');
  const [, ...lines] = splitVersioned(store, file, text);
  return lines.filter((line) => line !== '').map((line) => parseEntry(store, file, line));
}

// Spark takes the distance of the last two compact files for the interval, whatever its configuration says now.
function intervalOf(compacts: readonly number[]): number {
  const last = compacts.at(-1);
  const before = compacts.at(-2);
  if (last === undefined) return COMPACT_EVERY;
  if (before !== undefined) return last - before;
  if (last + 1 <= COMPACT_EVERY) return last + 1;
  let interval = COMPACT_EVERY;
  while ((last + 1) % interval !== 0) interval += 1;
  return interval;
}

function printEntry(entry: FileEntry): string {
  const { uri, modifiedMs, logOffset, rejected } = entry;
  return printJson({
    path: uri,
    timestamp: modifiedMs,
    batchId: logOffset,
    rejected: rejected === null ? undefined : { ...rejected },
  });
}

function parseEntry(store: ObjectStore, file: string, line: string): FileEntry {
  const value = parseObject(store, file, line);
  const { path, timestamp, batchId, rejected } = value;
  if (typeof path !== 'string' || typeof timestamp !== 'number' || typeof batchId !== 'number') {
    throw checkpointBroken(store.uri, file, 'an entry lacks its path, timestamp or batch');
  }
  return {
    uri: path,
    modifiedMs: timestamp,
    logOffset: batchId,
    rejected: isJsonObject(rejected) ? parseRejection(rejected) : null,
  };
}

function parseRejection(value: JsonObject): FileRejection {
  const { code, reason, sizeBytes } = value;
  return {
    code: typeof code === 'string' ? code : 'UNKNOWN',
    reason: typeof reason === 'string' ? reason : '',
    sizeBytes: typeof sizeBytes === 'number' ? sizeBytes : -1,
  };
}
