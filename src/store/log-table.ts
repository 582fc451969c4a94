/**
 * The table in which writers of one Delta log agree on who commits a version, where the object store has no
 * put-if-absent that all of them use. The items are those of Spark's `S3DynamoDBLogStore`, so that both share one table.
 */

/** Who commits a file of a log. */
export interface LogEntry {
  /** The table, as Spark spells it: `s3a://bucket/folder`, decoded, without a slash at the end. */
  readonly tablePath: string;
  /** `00000000000000000007.json` */
  readonly fileName: string;
  /** Where the commit was written first, from the log's folder: `.tmp/00000000000000000007.json.<uuid>`. */
  readonly tempPath: string;
  /** Whether the file has its content. */
  readonly complete: boolean;
  /** Seconds since the epoch after which the item may be deleted; null of one that is not complete. */
  readonly expireTimeS: number | null;
}

/**
 * Reads are consistent. Errors of all verbs: `STORE_UNAVAILABLE`, `STORE_DENIED`, `STORE_NO_ENDPOINT`,
 * `LOG_TABLE_MISSING`, `LOG_TABLE_CORRUPT`.
 */
export interface LogTable {
  readonly name: string;

  /** The entry of a file, or null. */
  get(key: Pick<LogEntry, 'tablePath' | 'fileName'>): Promise<LogEntry | null>;

  /** The entry with the greatest file name, or null. */
  latest(tablePath: string): Promise<LogEntry | null>;

  /**
   * Puts an entry where its file has none. May be repeated inside, so that it can meet its own first try and say
   * `exists`: `tempPath` tells. Also `STORE_OUTCOME_UNKNOWN`.
   */
  create(entry: LogEntry): Promise<'written' | 'exists'>;

  /** Puts an entry, whatever is there. */
  replace(entry: LogEntry): Promise<void>;

  /** Lets go of the sockets. */
  close(): Promise<void>;
}
