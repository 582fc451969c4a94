/** The log of every table that others wrote, against the snapshot that they are known to have. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { type DeltaError, isDeltaError, ManualClock, seededRandom } from '../../src/base/index.ts';
import { checkWritable, vectorId } from '../../src/log/index.ts';
import { compareUtf8, localStore } from '../../src/store/index.ts';
import { checkIntegrity } from '../../src/table/integrity.ts';
import { openMetadata, openSnapshot } from '../../src/table/open.ts';
import { tableSnapshot } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { contextOf } from './context.ts';
import { corpusDirectory } from './corpus.ts';

interface ManifestEntry {
  readonly id: string;
  readonly category: string;
  readonly configuration: Readonly<Record<string, string>> | null;
}

interface Expected {
  readonly snapshot: {
    readonly numFilesReplay: number | null;
    readonly activeFilesSha256?: string;
    readonly sparkState?: {
      readonly version: number;
      readonly numFiles: number;
      readonly sizeInBytes: number;
      readonly txn: readonly { readonly appId: string; readonly version: number }[];
    };
  };
}

/** Where our answer is right and the expectation is not: plain replay, or an engine that knows less. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'delta-golden/canonicalized-paths-normal-a': 'a remove of file:///a cancels the add of /a',
  'delta-golden/canonicalized-paths-normal-b': 'a remove of file:///a cancels the add of /a',
  'delta-golden/canonicalized-paths-special-b': 'a remove of file:///a%20b cancels the add of /a b',
  'kernel-rs-golden/canonicalized-paths-normal-a': 'a remove of file:///a cancels the add of /a',
  'kernel-rs-golden/canonicalized-paths-normal-b': 'a remove of file:///a cancels the add of /a',
  'kernel-rs-golden/canonicalized-paths-special-b': 'as above, with a space',
  'delta-history/checkpoint-with-sidecars': 'it takes a checkpoint that holds no metaData',
  'trino/deltalake__unsupported_writer_feature': 'it lists generatedColumns, and has none',
};

/** Errors of opening that are a refusal of what the table is, by the reason that the corpus knows. */
const REFUSALS = ['FEATURE_UNSUPPORTED', 'LOG_INCOMPLETE', 'LOG_GAP', 'TABLE_NOT_FOUND'];

const directory = corpusDirectory();
const manifest: readonly ManifestEntry[] =
  directory === null ? [] : (read(join(directory, 'manifest.json')) as ManifestEntry[]);

describe.skipIf(directory === null)('tables that others wrote', () => {
  test.each(manifest.map((entry) => [entry.id, entry] as const))('%s', async (id, entry) => {
    const opened = await open(contextFor(id));
    if (isDeltaError(opened)) {
      // Whatever people read is within reach, unless a feature stands in the way.
      const isKnown = ['readable', 'snapshot-only', 'peers-fail'].includes(entry.category);
      expect(isKnown ? ['FEATURE_UNSUPPORTED'] : REFUSALS).toContain(opened.code);
      return;
    }
    const snapshot = opened;
    if (entry.category === 'negative') {
      if (!(id in EXCEPTIONS)) expectWritesRefused(snapshot);
      return;
    }
    if (!(id in EXCEPTIONS)) expectState(snapshot, entry);
    expect((await checkIntegrity(contextFor(id), snapshot)).differences).toEqual([]);
    const { version, metadata, protocol } = await openMetadata(contextFor(id));
    expect([version, metadata, protocol]).toEqual([
      snapshot.version,
      snapshot.metadata,
      snapshot.protocol,
    ]);
  });
});

test.skipIf(directory !== null)('skipped: the corpus is not on this machine', () => {});

function contextFor(id: string): TableContext {
  const clock = new ManualClock();
  const folder = join(directory ?? '', 'tables', id);
  return contextOf(localStore(folder, { clock, random: seededRandom(1) }), clock);
}

async function open(ctx: TableContext): Promise<Snapshot | DeltaError> {
  try {
    return await openSnapshot(ctx);
  } catch (error) {
    if (isDeltaError(error)) return error;
    throw error;
  }
}

/** Tables that must be refused are refused for writing at the latest, or have no column to write to. */
function expectWritesRefused(snapshot: Snapshot): void {
  if (snapshot.schema.fields.length === 0) return;
  expect(() => checkWritable(snapshot.protocol, snapshot.metadata)).toThrow(
    expect.objectContaining({ code: 'FEATURE_UNSUPPORTED' }),
  );
}

function expectState(snapshot: Snapshot, entry: ManifestEntry): void {
  const file = join(directory ?? '', 'expected', `${entry.id}.json`);
  const { snapshot: expected } = read(file) as Expected;
  if (expected.numFilesReplay !== null) {
    expect(filesHash(snapshot)).toBe(expected.activeFilesSha256);
  }
  const spark = expected.sparkState;
  if (spark === undefined) return;
  expect([snapshot.version, snapshot.fileCount, snapshot.sizeBytes]).toEqual([
    spark.version,
    spark.numFiles,
    spark.sizeInBytes,
  ]);
  // Spark hides transactions that have outlived their retention; we go on honouring them.
  if (entry.configuration?.['delta.setTransactionRetentionDuration'] !== undefined) return;
  for (const { appId, version } of spark.txn) expect(snapshot.txnVersion(appId)).toBe(version);
  expect(tableSnapshot(snapshot).state.txns.size).toBe(spark.txn.length);
}

function filesHash(snapshot: Snapshot): string {
  const lines = Array.from(
    snapshot.files(),
    (file) => `${file.path}\t${vectorId(file.deletionVector)}\n`,
  );
  return createHash('sha256').update(lines.sort(compareUtf8).join('')).digest('hex');
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
