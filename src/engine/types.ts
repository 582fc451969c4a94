/** The relational engine as other rooms see it. */

/** A loaded engine; `close` frees its memory and temporary files. */
export interface Engine {
  close(): Promise<void>;
}
