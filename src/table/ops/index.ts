/**
 * The verbs, each loaded when it is first called: with the engine's and Parquet's code below them they are half of all
 * modules, which a run that finds nothing new, or a look at a table, should not pay for.
 */

import type { append as appendNow } from './append.ts';
import type { readChanges as readChangesNow } from './changes.ts';
import type { checksum as checksumNow } from './checksum.ts';
import type { clone as cloneNow } from './clone.ts';
import type { convert as convertNow } from './convert.ts';
import type { deleteRows as deleteRowsNow } from './delete.ts';
import type { copyInto as copyIntoNow } from './copy-into.ts';
import type { erase as eraseNow } from './erase.ts';
import type { ingest as ingestNow } from './ingest.ts';
import type { openInputRows as openInputRowsNow } from './input-rows.ts';
import type { inspectInputs as inspectInputsNow } from './input.ts';
import type { prepareMergeSource as prepareMergeSourceNow } from './merge-latest.ts';
import type { explainMerge as explainMergeNow, merge as mergeNow } from './merge.ts';
import type { openedSpec as openedSpecNow } from './merge-named.ts';
import type { optimize as optimizeNow, reorg as reorgNow } from './optimize.ts';
import type { overwrite as overwriteNow } from './overwrite.ts';
import type { query as queryNow } from './query.ts';
import type { restore as restoreNow } from './restore.ts';
import type { scanRows as scanRowsNow } from './scan.ts';
import type {
  inferSchema as inferSchemaNow,
  InferredSchema,
  transformInputs as transformInputsNow,
} from './transform.ts';
import type { updateRows as updateRowsNow } from './update.ts';
import type { vacuum as vacuumNow } from './vacuum.ts';

/** See `append.ts`. */
export const append: typeof appendNow = async (...args) =>
  (await import('./append.ts')).append(...args);

/** See `checksum.ts`. */
export const checksum: typeof checksumNow = async (...args) =>
  (await import('./checksum.ts')).checksum(...args);

/** See `clone.ts`. */
export const clone: typeof cloneNow = async (...args) =>
  (await import('./clone.ts')).clone(...args);

/** See `convert.ts`. */
export const convert: typeof convertNow = async (...args) =>
  (await import('./convert.ts')).convert(...args);

/** See `delete.ts`. */
export const deleteRows: typeof deleteRowsNow = async (...args) =>
  (await import('./delete.ts')).deleteRows(...args);

/** See `copy-into.ts`. */
export const copyInto: typeof copyIntoNow = async (...args) =>
  (await import('./copy-into.ts')).copyInto(...args);

/** See `erase.ts`. */
export const erase: typeof eraseNow = async (...args) =>
  (await import('./erase.ts')).erase(...args);

/** See `ingest.ts`. */
export const ingest: typeof ingestNow = async (...args) =>
  (await import('./ingest.ts')).ingest(...args);

/** See `input.ts`. */
export const inspectInputs: typeof inspectInputsNow = async (...args) =>
  (await import('./input.ts')).inspectInputs(...args);

/** See `input-rows.ts`. */
export const openInputRows: typeof openInputRowsNow = async (...args) =>
  (await import('./input-rows.ts')).openInputRows(...args);

/** See `transform.ts`. */
export const inferSchema = async (
  ...args: Parameters<typeof inferSchemaNow>
): Promise<InferredSchema> => (await import('./transform.ts')).inferSchema(...args);

/** See `merge.ts`. */
export const explainMerge: typeof explainMergeNow = async (...args) =>
  (await import('./merge.ts')).explainMerge(...args);

/** See `merge-named.ts`. */
export const openedSpec: typeof openedSpecNow = async (...args) =>
  (await import('./merge-named.ts')).openedSpec(...args);

/** See `merge.ts`. */
export const merge: typeof mergeNow = async (...args) =>
  (await import('./merge.ts')).merge(...args);

/** See `optimize.ts`. */
export const optimize: typeof optimizeNow = async (...args) =>
  (await import('./optimize.ts')).optimize(...args);

/** See `optimize.ts`. */
export const reorg: typeof reorgNow = async (...args) =>
  (await import('./optimize.ts')).reorg(...args);

/** See `overwrite.ts`. */
export const overwrite: typeof overwriteNow = async (...args) =>
  (await import('./overwrite.ts')).overwrite(...args);

/** See `merge-latest.ts`. */
export const prepareMergeSource: typeof prepareMergeSourceNow = async (...args) =>
  (await import('./merge-latest.ts')).prepareMergeSource(...args);

/** See `query.ts`. */
export const query: typeof queryNow = async (...args) =>
  (await import('./query.ts')).query(...args);

/** See `changes.ts`. */
export const readChanges: typeof readChangesNow = async function* (...args) {
  yield* (await import('./changes.ts')).readChanges(...args);
};

/** See `restore.ts`. */
export const restore: typeof restoreNow = async (...args) =>
  (await import('./restore.ts')).restore(...args);

/** See `scan.ts`. */
export const scanRows: typeof scanRowsNow = async function* (...args) {
  yield* (await import('./scan.ts')).scanRows(...args);
};

/** See `transform.ts`. */
export const transformInputs: typeof transformInputsNow = async (...args) =>
  (await import('./transform.ts')).transformInputs(...args);

/** See `update.ts`. */
export const updateRows: typeof updateRowsNow = async (...args) =>
  (await import('./update.ts')).updateRows(...args);

/** See `vacuum.ts`. */
export const vacuum: typeof vacuumNow = async (...args) =>
  (await import('./vacuum.ts')).vacuum(...args);
