/** Where a state is not what its checksum file says. PROTOCOL.md, "State Validation". */

import { printJson } from '../base/index.ts';
import type { AddFile, Metadata } from './actions.ts';
import { pathKey, vectorId } from './file-key.ts';
import type { LogState } from './state.ts';
import { HistogramCounter } from './size-histogram.ts';
import type { VersionChecksum } from './version-checksum.ts';

/** Members of the checksum file that the state disagrees with, by their names in the file; no file is looked at. */
export function checksumDifferences(state: LogState, checksum: VersionChecksum): readonly string[] {
  const { fileCount, sizeBytes, protocol, metadata, txns, domains } = checksum;
  const checks: readonly (readonly [string, boolean])[] = [
    ['numFiles', fileCount === null || fileCount === state.files.size],
    ['tableSizeBytes', sizeBytes === null || sizeBytes === state.files.sizeBytes],
    ['protocol', protocol === null || protocolText(protocol) === protocolText(state.protocol)],
    ['metadata', metadata === null || metadataText(metadata) === metadataText(state.metadata)],
    // A checkpoint leaves out transactions that are too old to matter, a checksum may go on naming them.
    [
      'setTransactions',
      txns?.every(
        ({ appId, version }) => (state.txns.get(appId)?.version ?? version) === version,
      ) ?? true,
    ],
    [
      'domainMetadata',
      domains === null ||
        (domains.filter(({ removed }) => !removed).length === state.domains.size &&
          domains.every(
            ({ domain, configuration, removed }) =>
              removed || state.domains.get(domain)?.configuration === configuration,
          )),
    ],
  ];
  return checks.flatMap(([name, agrees]) => (agrees ? [] : [name]));
}

/** As `checksumDifferences`, of what takes a look at every live file. */
export function fileDifferences(state: LogState, checksum: VersionChecksum): readonly string[] {
  const { files, histogram, vectorCount, deletedRowCount } = checksum;
  const own = histogram === null ? null : new HistogramCounter(histogram.starts);
  let vectors = 0;
  let deletedRows = 0n;
  for (const file of state.files.values()) {
    own?.count(file.size);
    if (file.deletionVector === undefined) continue;
    vectors += 1;
    deletedRows += BigInt(file.deletionVector.cardinality);
  }
  const checks: readonly (readonly [string, boolean])[] = [
    ['allFiles', files === null || sameFiles(files, state)],
    ['fileSizeHistogram', own === null || histogram === null || own.equals(histogram)],
    ['numDeletionVectorsOpt', vectorCount === null || vectorCount === vectors],
    ['numDeletedRecordsOpt', deletedRowCount === null || BigInt(deletedRowCount) === deletedRows],
  ];
  return checks.flatMap(([name, agrees]) => (agrees ? [] : [name]));
}

function sameFiles(files: readonly AddFile[], state: LogState): boolean {
  return (
    files.length === state.files.size &&
    files.every((file) => {
      const live = state.files.get(pathKey(file.path));
      return (
        live !== null &&
        live.size === file.size &&
        vectorId(live.deletionVector) === vectorId(file.deletionVector)
      );
    })
  );
}

function protocolText(protocol: LogState['protocol']): string {
  const { minReaderVersion, minWriterVersion, readerFeatures = [], writerFeatures = [] } = protocol;
  return printJson([
    minReaderVersion,
    minWriterVersion,
    readerFeatures.toSorted(),
    writerFeatures.toSorted(),
  ]);
}

/** What decides how the table is read and written. */
function metadataText({ id, schemaString, partitionColumns, configuration }: Metadata): string {
  const properties = Object.entries(configuration).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return printJson([id, schemaString, partitionColumns, properties]);
}
