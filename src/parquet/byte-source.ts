/** Where the bytes of a Parquet file come from. */

import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import { truncated, unreadable } from './errors.ts';
import type { ByteSource } from './types.ts';

/** The object at `path`, whose size is that of `meta`; read by ranges. Errors of `read` are the store's. */
export function storeSource(
  store: ObjectStore,
  path: string,
  meta: Pick<ObjectMeta, 'sizeBytes'>,
): ByteSource {
  return {
    name: path,
    sizeBytes: meta.sizeBytes,
    read: (start, end) => store.getRange(path, { start, end }),
  };
}

/** Bytes in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    sizeBytes: bytes.length,
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
  };
}

/** A file on the local disk that is open until `close`. */
export interface LocalFileSource extends ByteSource {
  close(): Promise<void>;
}

/** Opens a file on the local disk. Errors, of `read` too: `PARQUET_UNREADABLE` (data). */
export async function localFileSource(file: string): Promise<LocalFileSource> {
  const handle = await attempt(file, () => open(file, 'r'));
  try {
    const { size } = await attempt(file, () => handle.stat());
    return {
      name: file,
      sizeBytes: size,
      read: (start, end) => attempt(file, () => readRange(handle, start, end)),
      readInto: (start, target) => attempt(file, () => readInto(handle, start, target)),
      readSync: (start, target) => fillSync(file, handle, { start, target }),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(end - start);
  return bytes.subarray(0, await readInto(handle, start, bytes));
}

async function readInto(handle: FileHandle, start: number, target: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const { bytesRead } = await handle.read(target, filled, target.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

function fillSync(
  file: string,
  { fd }: FileHandle,
  { start, target }: { readonly start: number; readonly target: Uint8Array },
): Uint8Array {
  for (let filled = 0; filled < target.length;) {
    const count = attemptSync(file, () =>
      readSync(fd, target, filled, target.length - filled, start + filled),
    );
    if (count === 0) throw truncated(file, 'it is shorter than it was');
    filled += count;
  }
  return target;
}

async function attempt<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unreadable(file, error);
  }
}

function attemptSync<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(file, error);
  }
}
