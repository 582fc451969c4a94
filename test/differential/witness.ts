/** Others who look at the table of a program after each step. */

import type { DeltaTable, TableTools } from '../../src/table/index.ts';
import type { ModelTable } from './model-table.ts';
import type { Program, Step } from './program.ts';

export interface Witness {
  begin(program: Program, made: { tools: TableTools; table: DeltaTable }): Promise<void>;
  /** Throws `Mismatch` where the table is another to them. */
  after(step: Step, facts: StepFacts): Promise<void>;
  end(table: DeltaTable, model: ModelTable): Promise<void>;
}

export interface StepFacts {
  readonly table: DeltaTable;
  /** What it is now. */
  readonly model: ModelTable;
  /** Of the error by which the step was refused. */
  readonly code: string | null;
  /** The table's version before. */
  readonly version: number;
  /** The version that was restored. */
  readonly restored: number | null;
  /** Whether the feed tells the changes of the step. */
  readonly isTold: boolean;
}

/** Two that should be the same are not. */
export class Mismatch extends Error {}
