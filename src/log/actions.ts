/** The actions of a commit. PROTOCOL.md, "Actions". Field names are the protocol's own. */

import type { JsonObject } from '../base/index.ts';

export interface Format {
  readonly provider: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface Metadata {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly format: Format;
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  /** Milliseconds since the epoch. */
  readonly createdTime?: number;
  readonly configuration: Readonly<Record<string, string>>;
}

export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  /** Present exactly when `minReaderVersion` is 3. */
  readonly readerFeatures?: readonly string[];
  /** Present exactly when `minWriterVersion` is 7. */
  readonly writerFeatures?: readonly string[];
}

/** A type alias, so that it counts as JSON where actions are printed. */
export type DeletionVectorDescriptor = {
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset?: number;
  readonly sizeInBytes: number;
  readonly cardinality: number;
};

export type PartitionValues = Readonly<Record<string, string | null>>;

export interface AddFile {
  /** As it stands in the log: a URL-encoded path relative to the table, or an absolute URI. Decode once to get the key. */
  readonly path: string;
  readonly partitionValues: PartitionValues;
  /** Bytes; a safe integer. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modificationTime: number;
  readonly dataChange: boolean;
  /** A JSON text, as it stands in the log. */
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly deletionVector?: DeletionVectorDescriptor;
  readonly baseRowId?: number | bigint;
  readonly defaultRowCommitVersion?: number | bigint;
  readonly clusteringProvider?: string;
}

/** The tombstone of a file. */
export interface RemoveFile {
  readonly path: string;
  readonly deletionTimestamp?: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: PartitionValues;
  readonly size?: number;
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly deletionVector?: DeletionVectorDescriptor;
  readonly baseRowId?: number | bigint;
  readonly defaultRowCommitVersion?: number | bigint;
}

/** A file of changed rows. PROTOCOL.md, "Add CDC File". */
export interface CdcFile {
  readonly path: string;
  readonly partitionValues: PartitionValues;
  /** Bytes; a safe integer. */
  readonly size: number;
  readonly dataChange: boolean;
  readonly tags?: Readonly<Record<string, string | null>>;
}

export interface Txn {
  readonly appId: string;
  /** Any int64. */
  readonly version: number | bigint;
  readonly lastUpdated?: number;
}

export interface DomainMetadata {
  readonly domain: string;
  readonly configuration: string;
  readonly removed: boolean;
}

/** Free form; ours carries `timestamp`, `operation`, `operationParameters`, `operationMetrics`, `engineInfo`, `txnId`. */
export type CommitInfo = JsonObject;

/** One line of a commit. A line with none of these keys is an unknown action: kept as `unknown`, and ignored. */
export type Action =
  | { readonly kind: 'metaData'; readonly metaData: Metadata }
  | { readonly kind: 'protocol'; readonly protocol: Protocol }
  | { readonly kind: 'add'; readonly add: AddFile }
  | { readonly kind: 'remove'; readonly remove: RemoveFile }
  | { readonly kind: 'txn'; readonly txn: Txn }
  | { readonly kind: 'domainMetadata'; readonly domainMetadata: DomainMetadata }
  | { readonly kind: 'commitInfo'; readonly commitInfo: CommitInfo }
  | { readonly kind: 'cdc'; readonly cdc: CdcFile }
  | { readonly kind: 'unknown'; readonly line: JsonObject };
