/**
 * The checksum file of a version: how many files of which size, and the protocol and metadata, so that these can be
 * had without replay, and a state be held against what its writer saw. PROTOCOL.md, "Version Checksum File".
 */

import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  printJson,
} from '../base/index.ts';
import type { Action, AddFile, DomainMetadata, Metadata, Protocol, Txn } from './actions.ts';
import { actionJson } from './codec.ts';
import { txnIdOf } from './commit-info.ts';
import { decodeAction } from './decode.ts';
import { hasInCommitTimestamps } from './features.ts';
import { fileCounts } from './file-counts.ts';
import type { FileSizeHistogram } from './size-histogram.ts';
import type { LogState } from './state.ts';
import { supportsFeature } from './table-features.ts';

/** What a checksum file says; null for what it does not. */
export interface VersionChecksum {
  readonly sizeBytes: number | null;
  readonly fileCount: number | null;
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  /** Milliseconds since the epoch. */
  readonly inCommitTimestampMs: number | null;
  readonly txns: readonly Txn[] | null;
  readonly domains: readonly DomainMetadata[] | null;
  /** All live files; writers tell them of small tables only. */
  readonly files: readonly AddFile[] | null;
  readonly histogram: FileSizeHistogram | null;
  /** Live files that have a deletion vector. */
  readonly vectorCount: number | null;
  /** Rows that these delete. */
  readonly deletedRowCount: number | null;
}

/** Applications and domains up to which a checksum file names them all; it names all or none. */
const NAMED_MAX = 1_000;

/**
 * The bytes of the checksum file of a state. With `counted` also how the files are spread over sizes and what deletion vectors
 * hide, for which every live file is looked at, unless that was done before (`hasFileCounts`).
 */
export function printVersionChecksum(
  state: LogState,
  { counted = false }: { readonly counted?: boolean } = {},
): Uint8Array {
  const time = state.commitInfo?.['inCommitTimestamp'];
  const isTimed = hasInCommitTimestamps(state.metadata) && typeof time === 'number';
  const json: JsonObject = {
    txnId: txnIdOf(state.commitInfo) ?? undefined,
    tableSizeBytes: state.files.sizeBytes,
    numFiles: state.files.size,
    numMetadata: 1,
    numProtocol: 1,
    metadata: actionJson({ kind: 'metaData', metaData: state.metadata })['metaData'],
    ...actionJson({ kind: 'protocol', protocol: state.protocol }),
    ...(isTimed ? { inCommitTimestampOpt: time } : {}),
    ...namedJson(state),
    ...(counted ? countedJson(state) : {}),
  };
  return new TextEncoder().encode(printJson(json));
}

function namedJson({ txns, domains }: LogState): JsonObject {
  const named: Record<string, JsonValue> = {};
  if (txns.size <= NAMED_MAX) {
    named['setTransactions'] = Array.from(
      txns.values(),
      (txn) => actionJson({ kind: 'txn', txn })['txn'] ?? null,
    );
  }
  if (domains.size <= NAMED_MAX) {
    named['domainMetadata'] = Array.from(
      domains.values(),
      (domainMetadata) =>
        actionJson({ kind: 'domainMetadata', domainMetadata })['domainMetadata'] ?? null,
    );
  }
  return named;
}

function countedJson(state: LogState): JsonObject {
  const { histogram, vectorCount, deletedRowCount } = fileCounts(state);
  const { starts, fileCounts: counts, sizeBytes } = histogram;
  return {
    fileSizeHistogram: { sortedBinBoundaries: starts, fileCounts: counts, totalBytes: sizeBytes },
    ...(supportsFeature(state.protocol, 'deletionVectors')
      ? { numDeletedRecordsOpt: deletedRowCount, numDeletionVectorsOpt: vectorCount }
      : {}),
  };
}

/** What a checksum file says, or null where it is torn or an action in it is not valid. */
export function parseVersionChecksum(bytes: Uint8Array, file: string): VersionChecksum | null {
  try {
    const value = parseJson(new TextDecoder().decode(bytes));
    return isJsonObject(value) ? checksumOf(value, file) : null;
  } catch {
    // Written beside the commit and optional: what cannot be read is taken from the log itself.
    return null;
  }
}

function checksumOf(value: JsonObject, file: string): VersionChecksum {
  const decode = (key: string, member: JsonValue | undefined): Action[] =>
    isJsonObject(member) ? decodeAction({ [key]: member }, file, 1) : [];
  const decodeAll = (key: string, member: JsonValue | undefined): Action[] | null =>
    Array.isArray(member) ? member.flatMap((item: JsonValue) => decode(key, item)) : null;
  const [protocol] = decode('protocol', value['protocol']);
  const [metadata] = decode('metaData', value['metadata']);
  const txns = decodeAll('txn', value['setTransactions']);
  const domains = decodeAll('domainMetadata', value['domainMetadata']);
  const files = decodeAll('add', value['allFiles']);
  return {
    sizeBytes: countOf(value['tableSizeBytes']),
    fileCount: countOf(value['numFiles']),
    protocol: protocol?.kind === 'protocol' ? protocol.protocol : null,
    metadata: metadata?.kind === 'metaData' ? metadata.metaData : null,
    inCommitTimestampMs: countOf(value['inCommitTimestampOpt']),
    txns: txns?.flatMap((action) => (action.kind === 'txn' ? [action.txn] : [])) ?? null,
    domains:
      domains?.flatMap((action) =>
        action.kind === 'domainMetadata' ? [action.domainMetadata] : [],
      ) ?? null,
    files: files?.flatMap((action) => (action.kind === 'add' ? [action.add] : [])) ?? null,
    // Spark before 4 gives it this name.
    histogram: histogramOf(value['fileSizeHistogram'] ?? value['histogramOpt']),
    vectorCount: countOf(value['numDeletionVectorsOpt']),
    deletedRowCount: countOf(value['numDeletedRecordsOpt']),
  };
}

function histogramOf(value: JsonValue | undefined): FileSizeHistogram | null {
  if (!isJsonObject(value)) return null;
  const starts = countsOf(value['sortedBinBoundaries']);
  const fileCounts = countsOf(value['fileCounts']);
  const sizeBytes = countsOf(value['totalBytes']);
  if (starts === null || fileCounts === null || sizeBytes === null) return null;
  const fits =
    starts[0] === 0 && starts.every((start, i) => i === 0 || start > (starts[i - 1] ?? 0));
  if (!fits || fileCounts.length !== starts.length || sizeBytes.length !== starts.length)
    return null;
  return { starts, fileCounts, sizeBytes };
}

function countsOf(value: JsonValue | undefined): readonly number[] | null {
  if (!Array.isArray(value)) return null;
  const counts = value.map((item: JsonValue) => countOf(item));
  return counts.every((count) => count !== null) ? counts : null;
}

function countOf(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
