/** Messages on their way into a table: their rows as Parquet files on the local disk, like those of a source of files. */

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { makeTempFolder, present } from '../base/index.ts';
import { fileSchema, readFooter, storeSource } from '../parquet/index.ts';
import type { StructType } from '../schema/index.ts';
import type { MessageFile } from '../stream/index.ts';
import type { PreparedInput } from '../table/index.ts';
import type { JobContext } from './job-context.ts';
import type { SinkRows } from './job-sink.ts';

/** Rows that live until `close`. */
export interface StagedMessages extends SinkRows {
  close(): Promise<void>;
}

const NO_COLUMNS: StructType = { kind: 'struct', fields: [] };

/** The rows of `files`, all of which have the same columns; none where there are no rows. */
export async function stageMessages(
  context: JobContext,
  files: readonly MessageFile[],
): Promise<StagedMessages> {
  const folder = await makeTempFolder();
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const inputs: PreparedInput[] = [];
    for (const [index, { bytes }] of files.entries()) {
      const path = join(folder, `${String(index).padStart(6, '0')}.parquet`);
      await writeFile(path, bytes);
      inputs.push(await preparedInput(context, path));
    }
    const [first] = inputs;
    return {
      inputs,
      schema: first === undefined ? NO_COLUMNS : fileSchema(first.footer).schema,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function preparedInput(context: JobContext, localPath: string): Promise<PreparedInput> {
  const { store, path } = await context.resolve(pathToFileURL(localPath).href);
  const { sizeBytes, etag, modifiedMs } = present(await store.head(path), 'a staged file');
  const footer = await readFooter(storeSource(store, path, { sizeBytes }));
  const parquet = { store, path, sizeBytes, etag };
  const file = { ...parquet, modifiedMs, format: 'parquet' as const };
  return { file, parquet, footer, badKeyCount: 0 };
}
