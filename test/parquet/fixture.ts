import { readFile } from 'node:fs/promises';

import { memorySource, type ParquetFooter, readFooter } from '../../src/parquet/index.ts';

const FOLDER = new URL('../../fixtures/parquet/', import.meta.url);

/** The bytes of a file in `fixtures/parquet`. */
export async function fixtureBytes(name: string): Promise<Uint8Array> {
  return readFile(new URL(name, FOLDER));
}

export async function fixtureFooter(name: string): Promise<ParquetFooter> {
  return readFooter(memorySource(name, await fixtureBytes(name)));
}
