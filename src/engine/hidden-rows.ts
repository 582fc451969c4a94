/**
 * Rows that scans of many files leave out, in a table of the engine: as parts of a statement their bits would make it as long as all
 * of them together, and each file a scan of its own. The engine spills the table where it is large.
 */

import { blobLiteral, identifier } from './quote.ts';
import type { Session, StatementOptions } from './types.ts';

/** Rows of a file that one row of the table tells of. A short block costs little where few rows of a file are left out. */
const BLOCK_ROWS = 2048;
const BLOCK_BYTES = BLOCK_ROWS / 8;
/** Blocks that wait to be inserted together. */
const BLOCKS_WAITING_MAX = 1024;

// No column of a data file goes by such a name.
const FILE = '"the file whose rows are hidden"';
const BLOCK = '"the block of hidden rows"';
const BITS = '"the bits of hidden rows"';

/** Fills a table of a session, which `RelationOptions.hiddenRows` then names. */
export class HiddenRows {
  readonly table: string;
  readonly #session: Session;
  readonly #options: StatementOptions;
  #waiting: string[] = [];

  private constructor(session: Session, table: string, options: StatementOptions) {
    this.#session = session;
    this.table = table;
    this.#options = options;
  }

  /** A new table of this name. Errors: those of `Session.run`, also for the other methods. */
  static async create(
    session: Session,
    table: string,
    options: StatementOptions = {},
  ): Promise<HiddenRows> {
    const columns = `${FILE} BIGINT NOT NULL, ${BLOCK} BIGINT NOT NULL, ${BITS} BIT NOT NULL`;
    await session.run(`CREATE TABLE ${identifier(table)} (${columns})`, options);
    return new HiddenRows(session, table, options);
  }

  /** Hides rows of the file with this place in the relation's files: bits as `RelationFile.deletedRows` has them. */
  async add(file: number, bits: Uint8Array): Promise<void> {
    for (let start = 0; start < bits.length; start += BLOCK_BYTES) {
      const block = bits.subarray(start, start + BLOCK_BYTES);
      if (block.every((byte) => byte === 0)) continue;
      const place = String(start / BLOCK_BYTES);
      this.#waiting.push(`(${String(file)}, ${place}, CAST(${blobLiteral(block)} AS BIT))`);
      if (this.#waiting.length === BLOCKS_WAITING_MAX) await this.finish();
    }
  }

  /** To be called before the table is read. */
  async finish(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const values = this.#waiting.join(', ');
    this.#waiting = [];
    await this.#session.run(
      `INSERT INTO ${identifier(this.table)} VALUES ${values}`,
      this.#options,
    );
  }
}

/** The table joined to a source whose rows have a `file_row_number`; `file` is the SQL for the file's place. */
export function joinHiddenRows(table: string, file: string): string {
  const hidden = identifier(table);
  const block = `file_row_number // ${String(BLOCK_ROWS)}`;
  return ` LEFT JOIN ${hidden} ON ${hidden}.${FILE} = ${file} AND ${hidden}.${BLOCK} = ${block}`;
}

/** The condition for rows of such a join. */
export const IS_NOT_HIDDEN =
  `(${BITS} IS NULL OR ` +
  `get_bit(${BITS}, CAST(file_row_number % ${String(BLOCK_ROWS)} AS INTEGER)) = 0)`;
