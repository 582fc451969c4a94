/** Sees every write at the moment of its effect: tells the model of commits, and of what must not happen to them. */

import { LOG_FOLDER, parseLogFileName } from '../../src/log/index.ts';
import type { Model, Moment } from './model.ts';
import type { Write } from './objects.ts';
import { Violation } from './table-state.ts';

export class Witness {
  readonly #model: Model;
  readonly #note: (what: string) => void;
  /** Whether a log table decides, and the file only follows. */
  readonly #isDecidedBefore: boolean;
  readonly #nowMs: () => number;
  /** Of a file that a commit adds; null where files are names alone. */
  readonly #isThere: ((path: string) => boolean) | null;
  readonly #commits = new Map<string, Uint8Array>();
  /** What broke first, whoever was told of it. */
  failure: unknown = null;

  constructor(
    model: Model,
    how: {
      readonly isDecidedBefore: boolean;
      readonly nowMs: () => number;
      readonly isThere: ((path: string) => boolean) | null;
      readonly note: (what: string) => void;
    },
  ) {
    this.#model = model;
    this.#isDecidedBefore = how.isDecidedBefore;
    this.#nowMs = how.nowMs;
    this.#isThere = how.isThere;
    this.#note = how.note;
  }

  /** A write to the store. */
  wrote({ path, bytes, before, task }: Write): void {
    const name = nameInLog(path);
    if (name === null) {
      if (bytes === null) this.#deleted(path, task);
      return;
    }
    const { version, fileName } = name;
    if (bytes === null) {
      if (version < this.#model.firstRetained) return;
      throw this.#fail(`version ${version} was deleted`);
    }
    const decided = this.#commits.get(fileName);
    const isSame = decided !== undefined && Buffer.compare(decided, bytes) === 0;
    if (before !== null) throw this.#fail(`version ${version} was written again`);
    if (decided === undefined && !this.#isDecidedBefore) {
      this.decided(fileName, bytes, task);
      return;
    }
    // A late copy of what was there already, and cleaned up since.
    if (isSame && this.#isDecidedBefore) return;
    // Or another one, where a cleanup came between a look and the write: nobody may be told that it is in the table.
    if (version < this.#model.firstRetained && !this.#isDecidedBefore) return;
    throw this.#fail(`version ${version} was written otherwise than it was decided`);
  }

  /** Null where the entry was made before what it names. */
  decided(fileName: string, bytes: Uint8Array | null, task: string | null = null): void {
    const name = nameInLog(`${LOG_FOLDER}/${fileName}`);
    if (name === null) throw this.#fail(`${fileName} was decided, which is no commit`);
    if (bytes === null) throw this.#fail(`${fileName} was decided before it was written`);
    if (this.#commits.has(fileName)) throw this.#fail(`${fileName} was decided twice`);
    this.#commits.set(fileName, bytes.slice());
    try {
      this.#model.commit(name.version, new TextDecoder().decode(bytes), this.#moment(task));
      if (this.#isThere !== null) this.#model.checkFiles(name.version, this.#isThere, task);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
    const by = this.#model.latest?.operations.map(({ id }) => id).join(', ') ?? '';
    this.#note(`version ${name.version} ${by}`);
  }

  #deleted(path: string, task: string | null): void {
    try {
      this.#model.checkDeleted(path, this.#moment(task));
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }

  #moment(task: string | null): Moment {
    return { nowMs: this.#nowMs(), task };
  }

  #fail(why: string): Violation {
    const violation = new Violation(why);
    this.failure ??= violation;
    return violation;
  }
}

/** Of a commit. */
function nameInLog(path: string): { readonly version: number; readonly fileName: string } | null {
  if (!path.startsWith(`${LOG_FOLDER}/`)) return null;
  const fileName = path.slice(LOG_FOLDER.length + 1);
  const name = parseLogFileName(fileName);
  return name?.kind === 'commit' ? { version: name.version, fileName } : null;
}
