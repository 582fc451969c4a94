/** Files from outside on their way into a table. */

import type { ParquetFooter } from '../../parquet/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { StoredFile } from './input-stage.ts';

export interface InputFile {
  readonly store: ObjectStore;
  readonly path: string;
  /** As listed: another content under this path is another file. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number;
  readonly format: 'parquet' | 'jsonl';
}

/** What of an input does not enter. */
export interface Rejection {
  readonly path: string;
  /** From 0: the physical row of a Parquet file, the line of a text file; null for the whole file. */
  readonly row: number | null;
  /** Stable: `INPUT_VANISHED`, `INPUT_UNREADABLE`, `INPUT_BAD_LINE`, `INPUT_BAD_KEY`, `INPUT_MORE`, or what the file's schema lacks. */
  readonly code: string;
  /** A sentence for people. */
  readonly reason: string;
  /** Whether the file may be fine later: it was not there, or not whole yet. */
  readonly retryLater: boolean;
}

/** An input that enters, all of it or all but some rows. */
export interface PreparedInput {
  readonly file: InputFile;
  /** What holds its rows as Parquet: the file itself, a local copy, or what its lines were converted to. */
  readonly parquet: StoredFile & { readonly etag: string };
  readonly footer: ParquetFooter;
  /** Rows whose key is null or empty: they do not enter. */
  readonly badKeyCount: number;
}

/** Inputs looked at. `close` removes what was converted; not before what was accepted has been used. */
export interface InspectedInputs {
  /** In the order of the bytes of their paths. */
  readonly accepted: readonly PreparedInput[];
  readonly rejected: readonly Rejection[];
  readonly close: () => Promise<void>;
}
