/** Actions to test with. */

import type { Action, AddFile, Metadata, Protocol } from '../../src/log/index.ts';

export const PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };

export const METADATA: Metadata = {
  id: '6b3b0b5e-5c0f-4c8e-8a53-9e3c1c1a2b3c',
  format: { provider: 'parquet', options: {} },
  schemaString:
    '{"type":"struct","fields":[{"name":"id","type":"string","nullable":true,"metadata":{}}]}',
  partitionColumns: [],
  configuration: {},
};

export const FIRST: readonly Action[] = [
  { kind: 'protocol', protocol: PROTOCOL },
  { kind: 'metaData', metaData: METADATA },
];

export function addFile(path: string, members: Partial<AddFile> = {}): AddFile {
  return {
    path,
    partitionValues: {},
    size: 10,
    modificationTime: 1,
    dataChange: true,
    ...members,
  };
}

export function add(path: string, members: Partial<AddFile> = {}): Action {
  return { kind: 'add', add: addFile(path, members) };
}

export function remove(path: string, deletionTimestamp = 1): Action {
  return { kind: 'remove', remove: { path, deletionTimestamp, dataChange: true } };
}

export function txn(appId: string, version: number): Action {
  return { kind: 'txn', txn: { appId, version } };
}

/** A metadata with these properties and this metadata of its only field. */
export function metadataWith(
  configuration: Readonly<Record<string, string>>,
  fieldMetadata: Readonly<Record<string, string>> = {},
): Metadata {
  return {
    ...METADATA,
    configuration,
    schemaString: JSON.stringify({
      type: 'struct',
      fields: [{ name: 'id', type: 'string', nullable: true, metadata: fieldMetadata }],
    }),
  };
}
