/**
 * A local file that stays open for as long as somebody has it: what is read from it later are the bytes of the file that was
 * opened, also where its name is gone or another file's by then.
 */

import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';

import { truncated, unreadable } from './errors.ts';
import type { ByteSource } from './types.ts';

const readInto = promisify(read);

/** Nobody closes what many snapshots may share; so files are closed when the last of these is gone. */
const abandoned = new FinalizationRegistry((descriptor: number) => closeSync(descriptor));

export class HeldFile implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly #descriptor: number;

  private constructor(name: string, descriptor: number) {
    this.name = name;
    this.sizeBytes = fstatSync(descriptor).size;
    this.#descriptor = descriptor;
    abandoned.register(this, descriptor);
  }

  /** Opens a file that `name` stands for in messages; null where it cannot be opened. */
  static open(name: string, file: string): HeldFile | null {
    try {
      return new HeldFile(name, openSync(file, 'r'));
    } catch {
      // Holding it saves memory and nothing else: whoever reads it by the store learns what is wrong.
      return null;
    }
  }

  /** Errors: `PARQUET_UNREADABLE` (data). */
  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(end - start);
    return bytes.subarray(0, await this.readInto(start, bytes));
  }

  /** As `read`. */
  async readInto(start: number, target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const count = await this.#next(start + filled, target.subarray(filled));
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /** Fills `target` from `start` on, and gives it back. Errors: `PARQUET_UNREADABLE`, `PARQUET_TRUNCATED` (data). */
  readSync(start: number, target: Uint8Array): Uint8Array {
    for (let filled = 0; filled < target.length;) {
      const count = this.#nextSync(start + filled, target.subarray(filled));
      if (count === 0) throw truncated(this.name, 'it is shorter than it was');
      filled += count;
    }
    return target;
  }

  async #next(position: number, target: Uint8Array): Promise<number> {
    try {
      return (await readInto(this.#descriptor, target, 0, target.length, position)).bytesRead;
    } catch (error) {
      throw unreadable(this.name, error);
    }
  }

  #nextSync(position: number, target: Uint8Array): number {
    try {
      return readSync(this.#descriptor, target, 0, target.length, position);
    } catch (error) {
      throw unreadable(this.name, error);
    }
  }
}
