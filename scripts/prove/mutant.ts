/** A rule that is broken by a change of the source's text. */

export interface Change {
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly instead: string;
}

export interface Mutant extends Change {
  /** The rule, and how it is broken. */
  readonly name: string;
  /** Below the project. */
  readonly file: string;
  /** Changes of the same file, where a rule is kept in more than one place. */
  readonly also?: readonly Change[];
  /** Only seeds that are a multiple of it are run: those that can show it. Default 1. */
  readonly every?: number;
  /** Found by the simulation of real operations, which takes so much longer that it gets a tenth of the seeds. Default false. */
  readonly operations?: boolean;
}
