/**
 * Checkpoint rows, in the columns and with the nullability that Spark gives them. PROTOCOL.md, "Checkpoint Schema".
 */

import { unreachable } from '../base/index.ts';
import type {
  AddFile,
  CheckpointAction,
  DeletionVectorDescriptor,
  RemoveFile,
} from '../log/index.ts';
import {
  parseDdl,
  type Row,
  type RowValue,
  type StructField,
  type StructType,
} from '../schema/index.ts';
import type { StatisticsLayout } from './checkpoint-parsed.ts';

/** What kind of file the actions go to: a whole checkpoint, or a sidecar, which has the columns of files alone. */
export interface CheckpointLayout {
  readonly kind: 'checkpoint' | 'sidecar';
  readonly statistics: StatisticsLayout;
}

const AS_TEXT: CheckpointLayout = {
  kind: 'checkpoint',
  statistics: { hasText: true, parsed: null },
};

/** The columns of a checkpoint or a sidecar; a row has exactly one that is not null. Default: a checkpoint with statistics as text. */
export function checkpointSchema({ kind, statistics }: CheckpointLayout = AS_TEXT): StructType {
  const fields = parseDdl(COLUMNS).fields.flatMap((field): readonly StructField[] => {
    if (field.name !== 'add')
      return kind === 'checkpoint' || field.name === 'remove' ? [field] : [];
    const own = field.type.kind === 'struct' ? field.type.fields : [];
    const members = own.filter(({ name }) => statistics.hasText || name !== 'stats');
    const type: StructType = {
      kind: 'struct',
      fields: [...members, ...(statistics.parsed?.fields ?? [])],
    };
    return [{ ...field, type }];
  });
  return { kind: 'struct', fields };
}

const VECTOR =
  'struct<storageType: string, pathOrInlineDv: string, offset: int, sizeInBytes: int not null, ' +
  'cardinality: bigint not null>';

const COLUMNS = `
  txn struct<appId: string, version: bigint not null, lastUpdated: bigint>,
  add struct<path: string, partitionValues: map<string, string>, size: bigint not null,
    modificationTime: bigint not null, dataChange: boolean not null, tags: map<string, string>,
    deletionVector: ${VECTOR}, baseRowId: bigint, defaultRowCommitVersion: bigint,
    clusteringProvider: string, stats: string>,
  remove struct<path: string, deletionTimestamp: bigint, dataChange: boolean not null,
    extendedFileMetadata: boolean, partitionValues: map<string, string>, size: bigint,
    deletionVector: ${VECTOR}, baseRowId: bigint, defaultRowCommitVersion: bigint>,
  metaData struct<id: string, name: string, description: string,
    format: struct<provider: string, options: map<string, string>>, schemaString: string,
    partitionColumns: array<string>, configuration: map<string, string>, createdTime: bigint>,
  protocol struct<minReaderVersion: int not null, minWriterVersion: int not null,
    readerFeatures: array<string>, writerFeatures: array<string>>,
  domainMetadata struct<domain: string, configuration: string, removed: boolean not null>`;

/** The row of one action. */
export function checkpointRow(action: CheckpointAction): Row {
  switch (action.kind) {
    case 'txn': {
      const { appId, version, lastUpdated } = action.txn;
      return { txn: { appId, version, lastUpdated: long(lastUpdated) } };
    }
    case 'add':
      return { add: addRow(action.add) };
    case 'remove':
      return { remove: removeRow(action.remove) };
    case 'metaData': {
      const { format, configuration, ...rest } = action.metaData;
      const { id, name, description, schemaString, partitionColumns, createdTime } = rest;
      return {
        metaData: {
          id,
          name,
          description,
          schemaString,
          partitionColumns,
          createdTime: long(createdTime),
          format: { provider: format.provider, options: pairs(format.options) },
          configuration: pairs(configuration),
        },
      };
    }
    case 'protocol': {
      const { minReaderVersion, minWriterVersion, readerFeatures, writerFeatures } =
        action.protocol;
      return { protocol: { minReaderVersion, minWriterVersion, readerFeatures, writerFeatures } };
    }
    case 'domainMetadata': {
      const { domain, configuration, removed } = action.domainMetadata;
      return { domainMetadata: { domain, configuration, removed } };
    }
    default:
      return unreachable(action);
  }
}

function addRow(add: AddFile): RowValue {
  const { path, size, modificationTime, dataChange, stats, clusteringProvider } = add;
  return {
    path,
    size,
    modificationTime: long(modificationTime),
    dataChange,
    stats,
    clusteringProvider,
    partitionValues: pairs(add.partitionValues),
    tags: pairs(add.tags),
    deletionVector: vectorRow(add.deletionVector),
    baseRowId: add.baseRowId,
    defaultRowCommitVersion: add.defaultRowCommitVersion,
  };
}

function removeRow(remove: RemoveFile): RowValue {
  const { path, deletionTimestamp, dataChange, extendedFileMetadata, size } = remove;
  return {
    path,
    deletionTimestamp: long(deletionTimestamp),
    dataChange,
    extendedFileMetadata,
    size,
    partitionValues: pairs(remove.partitionValues),
    deletionVector: vectorRow(remove.deletionVector),
    baseRowId: remove.baseRowId,
    defaultRowCommitVersion: remove.defaultRowCommitVersion,
  };
}

/** Times may be rounded ones beyond 2^53, which rows hold as `bigint` alone. */
function long(time: number | undefined): RowValue | undefined {
  return time === undefined || Number.isSafeInteger(time) ? time : BigInt(time);
}

function vectorRow(vector: DeletionVectorDescriptor | undefined): RowValue | undefined {
  if (vector === undefined) return undefined;
  const { storageType, pathOrInlineDv, offset, sizeInBytes, cardinality } = vector;
  return { storageType, pathOrInlineDv, offset, sizeInBytes, cardinality };
}

function pairs(map: Readonly<Record<string, string | null>> | undefined): RowValue | undefined {
  return map === undefined ? undefined : Object.entries(map);
}
