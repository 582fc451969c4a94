/**
 * The one error class of the package. Callers match `code` (stable) or `kind` (what they can do about it), never
 * the text and never `instanceof`.
 */

/**
 * What a caller can do about an error:
 * - `conflict`: another writer won; read again and decide anew
 * - `unavailable`: a store, catalog or broker did not answer; try again later
 * - `invalid`: the call or the configuration is wrong; change it
 * - `data`: bytes that were read are wrong (corrupt log, broken Parquet); look at the named place
 * - `unsupported`: right by the protocol, but not supported here; the message names the feature
 * - `internal`: a bug of ours
 */
export type ErrorKind =
  'conflict' | 'unavailable' | 'invalid' | 'data' | 'unsupported' | 'internal';

export type ErrorDetails = Readonly<Record<string, string | number | boolean | bigint | null>>;

export interface ErrorSpec {
  readonly kind: ErrorKind;
  /** Stable, upper snake case, prefixed by the room: `LOG_GAP`, `STORE_NOT_FOUND`. */
  readonly code: string;
  /** What failed, why, and what to do, as one plain sentence or two. No secrets. */
  readonly message: string;
  /** Facts, printed as `key=value` after the message. */
  readonly details?: ErrorDetails;
  /** True where the same call may succeed later without any change. Default false. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

export class DeltaError extends Error {
  override readonly name = 'DeltaError';
  readonly kind: ErrorKind;
  readonly code: string;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(spec: ErrorSpec) {
    super(`${spec.message}${factsText(spec.details ?? {})}`, { cause: spec.cause });
    this.kind = spec.kind;
    this.code = spec.code;
    this.retryable = spec.retryable ?? false;
    this.details = spec.details ?? {};
  }
}

/** The message without the facts at its end. */
export function summaryOf(error: DeltaError): string {
  const facts = factsText(error.details);
  return facts !== '' && error.message.endsWith(facts)
    ? error.message.slice(0, -facts.length)
    : error.message;
}

/** The same error with more facts, which whoever is further up knows. */
export function withDetails(error: DeltaError, details: ErrorDetails): DeltaError {
  const { kind, code, retryable, cause } = error;
  const all = { ...error.details, ...details };
  return new DeltaError({ kind, code, message: summaryOf(error), details: all, retryable, cause });
}

/** True for a `DeltaError` of any copy of this package; with `code`, only for that code. */
export function isDeltaError(error: unknown, code?: string): error is DeltaError {
  if (!(error instanceof Error) || error.name !== 'DeltaError' || !('code' in error)) return false;
  return code === undefined || error.code === code;
}

/** The text of whatever was thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function factsText(details: ErrorDetails): string {
  const facts = Object.entries(details).map(([key, value]) => `${key}=${String(value)}`);
  return facts.length === 0 ? '' : ` [${facts.join(' ')}]`;
}
