/**
 * The object store: few atomic verbs over flat keys, the same for memory, local disk and S3. Not a file system: no
 * rename, no folders, and a write is whole or absent.
 */

/**
 * A path is an object's key relative to the store's root: decoded, `/` between parts, no leading slash, no `.` or `..`
 * parts. What a log holds URL-encoded is decoded before it comes here.
 */
export type StorePath = string;

export interface ObjectMeta {
  readonly path: StorePath;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number;
  /** Names this content: equal means unchanged. Opaque. */
  readonly etag: string;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
  /** Memory for the answer, at least as long, which a store may use, so that who reads many objects finds it once. */
  readonly room?: Uint8Array | undefined;
}

export interface ObjectContent {
  readonly bytes: Uint8Array;
  readonly meta: ObjectMeta;
}

/**
 * How a write treats what is there. One object is written either by `overwrite`, or by `create` and `update`: an
 * `overwrite` at the moment of an `update` may be lost on local disk.
 */
export type PutMode =
  /** Replaces it. Only for caches and hints. */
  | { readonly kind: 'overwrite' }
  /** Put-if-absent: the only way a commit is written. */
  | { readonly kind: 'create' }
  /** Replaces exactly the content with this etag. */
  | { readonly kind: 'update'; readonly etag: string };

/** Losing a race is an outcome, not an error. */
export type PutResult =
  | { readonly kind: 'written'; readonly etag: string }
  /** `create`: something is there already. */
  | { readonly kind: 'exists' }
  /** `update`: the content is another, or gone. */
  | { readonly kind: 'mismatch' };

export interface ListOptions {
  /** Exclusive lower bound: a whole path. */
  readonly startAfter?: StorePath;
  /** False (default): only objects directly in the folder `prefix`; true: below it at any depth. */
  readonly recursive?: boolean;
  /** Objects to leave out: by the path alone, before anything else is asked about them. */
  readonly skip?: (path: StorePath) => boolean;
}

/**
 * Errors of every verb, as `DeltaError`: `STORE_NOT_FOUND` (data), `STORE_DENIED` (invalid), `STORE_NO_BUCKET`
 * (invalid), `STORE_NO_ENDPOINT` (unavailable), `STORE_UNAVAILABLE` (unavailable, retryable), `STORE_BAD_PATH`
 * (invalid), `STORE_FULL` (unavailable), `STORE_OUTCOME_UNKNOWN` (unavailable): a conditional write whose answer never came, so that it may or may
 * not have happened; the caller reads back to learn which.
 */
export interface ObjectStore {
  /** The root, without a slash at the end: `s3://bucket/prefix`, `file:///data/lake`, `memory://name`. */
  readonly uri: string;

  /** The whole object. */
  get(path: StorePath): Promise<ObjectContent>;

  /** Bytes `start` (inclusive) to `end` (exclusive), cut at the object's end. */
  getRange(path: StorePath, range: ByteRange): Promise<Uint8Array>;

  /** What is known of an object, or null where there is none. */
  head(path: StorePath): Promise<ObjectMeta | null>;

  /** Writes a whole object. When it resolves to `written`, the bytes are durable. */
  put(path: StorePath, bytes: Uint8Array, mode: PutMode): Promise<PutResult>;

  /**
   * Writes an object of any size through a local file: `write` fills the file it is given. When this resolves, the
   * object is whole and durable at `path`, which must be a fresh name (else `STORE_EXISTS`, where that can be known).
   * On local disk the file is the object itself, so that readers of the folder see it while it is being filled.
   */
  putFile(path: StorePath, write: (localFile: string) => Promise<void>): Promise<ObjectMeta>;

  /**
   * Copies an object of another store, or of this one, to the fresh name `path`, on the server where both are on the
   * same; `source.etag` pins the content: a change in between is `STORE_SOURCE_CHANGED` (data, retryable).
   */
  copyFrom(
    source: { readonly store: ObjectStore; readonly path: StorePath; readonly etag: string },
    path: StorePath,
  ): Promise<ObjectMeta>;

  /**
   * Objects below the folder `prefix` (`''` for the root, else without a slash at the end) in the order of the UTF-8
   * bytes of their paths. A folder that does not exist has none. Unfinished writes are not listed.
   */
  list(prefix: StorePath, options?: ListOptions): AsyncIterable<ObjectMeta>;

  /** Deletes objects; those that are not there are fine. */
  delete(paths: readonly StorePath[]): Promise<void>;

  /** The file that holds the object, where objects are local files; else null. */
  localFile(path: StorePath): string | null;

  /** The same store seen from a folder below its root. */
  at(prefix: StorePath): ObjectStore;
}
