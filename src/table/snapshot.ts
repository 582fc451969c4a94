/** One version of a table, in memory. */

import { assert } from '../base/index.ts';
import { type AddFile, type FileSelection, type LogState, pathKey } from '../log/index.ts';
import {
  findField,
  mappingMode,
  parseSchema,
  type StructType,
  withoutMapping,
} from '../schema/index.ts';
import type { Snapshot } from './types.ts';

/** A snapshot with the state of the log behind it, from which the next one is made. */
export class TableSnapshot implements Snapshot {
  readonly timestampMs: number;
  readonly state: LogState;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  /** Of the version's commit; null where it was not seen as a file. */
  readonly etag: string | null;

  /** `before` is the snapshot that this one follows, if any: what did not change is not parsed again. */
  constructor(
    state: LogState,
    of: {
      readonly timestampMs: number;
      readonly etag: string | null;
      readonly before: TableSnapshot | null;
    },
  ) {
    const { before } = of;
    this.state = state;
    this.timestampMs = of.timestampMs;
    this.etag = of.etag;
    if (before !== null && before.metadata === state.metadata) {
      this.schema = before.schema;
      this.partitionColumns = before.partitionColumns;
    } else {
      const { schemaString, configuration } = state.metadata;
      const parsed = parseSchema(schemaString);
      const isMapped = mappingMode(configuration) !== 'none';
      const schema = isMapped ? parsed : withoutMapping(parsed);
      this.schema = schema;
      this.partitionColumns = state.metadata.partitionColumns.map(
        (name) => findField(schema, name)?.name ?? name,
      );
    }
  }

  /** The same version, its files held in another way. */
  withFiles(files: LogState['files']): TableSnapshot {
    const { timestampMs, etag } = this;
    return new TableSnapshot({ ...this.state, files }, { timestampMs, etag, before: this });
  }

  /** The same version, whose commit is known as a file now. */
  withEtag(etag: string | null): TableSnapshot {
    return new TableSnapshot(this.state, { timestampMs: this.timestampMs, etag, before: this });
  }

  get version(): number {
    return this.state.version;
  }

  get protocol(): LogState['protocol'] {
    return this.state.protocol;
  }

  get metadata(): LogState['metadata'] {
    return this.state.metadata;
  }

  get fileCount(): number {
    return this.state.files.size;
  }

  get sizeBytes(): number {
    return this.state.files.sizeBytes;
  }

  files(selection: FileSelection = {}): Iterable<AddFile> {
    return this.state.files.select(selection);
  }

  file(path: string): AddFile | null {
    return this.state.files.get(pathKey(path));
  }

  txnVersion(appId: string): number | null {
    const txn = this.state.txns.get(appId);
    return txn === null ? null : Number(txn.version);
  }
}

/** The snapshot as this room made it; a snapshot from elsewhere is a bug. */
export function tableSnapshot(snapshot: Snapshot): TableSnapshot {
  assert(snapshot instanceof TableSnapshot, 'a snapshot was not made by openSnapshot');
  return snapshot;
}

/** What a domain says, one of the protocol's own too; null where the table has none of this name. */
export function domainOf(snapshot: Snapshot, domain: string): string | null {
  return tableSnapshot(snapshot).state.domains.get(domain)?.configuration ?? null;
}
