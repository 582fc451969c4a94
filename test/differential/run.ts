/** Runs a program on a table and in the model, and holds the one to the other after each step. */

import { isDeltaError } from '../../src/base/index.ts';
import type { Row } from '../../src/schema/index.ts';
import { DeltaTable, type TableTools } from '../../src/table/index.ts';
import { changeLines, columnsText, kindOf, netOf, sameLines } from './compare.ts';
import { isTrue, sqlOf } from './expressions.ts';
import { hashOf, linesOf } from './lines.ts';
import { apply } from './model.ts';
import { type Change, emptyTable, isOn, type ModelTable } from './model-table.ts';
import { perform } from './perform.ts';
import type { Program, Step } from './program.ts';
import { Mismatch, type Witness } from './witness.ts';
import type { World } from './world.ts';

/** Where a table is not what the model says. */
export interface Failure {
  /** Counted from 0; the number of steps where it is found after the last. */
  readonly step: number;
  readonly message: string;
}

export interface Ran {
  readonly failure: Failure | null;
  /** Steps that had a meaning. */
  readonly steps: number;
}

export async function runProgram(
  world: World,
  program: Program,
  witness: Witness | null = null,
): Promise<Ran> {
  return world.with(async (tools, folder) => {
    const place = (name: string): string =>
      program.store === 'disk' ? `${folder}/${name}` : `memory://${name}`;
    let steps = 0;
    let at = 0;
    try {
      const run = await Run.start(tools, program, { place, witness });
      for (const [index, step] of program.steps.entries()) {
        at = index;
        if (await run.step(step)) steps += 1;
      }
      at = program.steps.length;
      await run.finish();
      return { failure: null, steps };
    } catch (error) {
      return { failure: { step: at, message: messageOf(error) }, steps };
    }
  });
}

function messageOf(error: unknown): string {
  if (error instanceof Mismatch) return error.message;
  if (isDeltaError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

interface RunOptions {
  /** Where a table of this name is to be. */
  readonly place: (name: string) => string;
  readonly witness: Witness | null;
}

class Run {
  readonly #tools: TableTools;
  readonly #place: (name: string) => string;
  readonly #witness: Witness | null;
  #table: DeltaTable;
  /** States that versions stand for, the newest last. */
  #states: readonly ModelTable[];
  #versions: readonly number[];
  #clones = 0;

  private constructor(
    tools: TableTools,
    first: { readonly table: DeltaTable; readonly state: ModelTable },
    { place, witness }: RunOptions,
  ) {
    this.#tools = tools;
    this.#table = first.table;
    this.#states = [first.state];
    this.#versions = [first.table.snapshot.version];
    this.#place = place;
    this.#witness = witness;
  }

  static async start(tools: TableTools, program: Program, options: RunOptions): Promise<Run> {
    const { schema, partitionBy, properties } = program;
    const spec = { schema, partitionBy, properties };
    const table = await DeltaTable.create(tools, options.place('table'), spec);
    await options.witness?.begin(program, { tools, table });
    return new Run(tools, { table, state: emptyTable(program) }, options);
  }

  /** False where the step has no meaning for the table as it is. Throws `Mismatch`, and what the table throws. */
  async step(step: Step): Promise<boolean> {
    const verdict = apply(this.#states, step);
    if (verdict.kind === 'unfit') return false;
    const before = { table: this.#newest(), version: this.#table.snapshot.version };
    const restored = step.do === 'restore' ? (this.#versions.at(-1 - step.back) ?? null) : null;
    const codes = verdict.kind === 'refused' ? verdict.codes : (verdict.mayRefuse ?? []);
    const code = await this.#refusal(step, codes);
    if (verdict.kind === 'refused' && code === null) {
      throw new Mismatch(`it should be refused by ${codes.join(' or ')}`);
    }
    const isDone = verdict.kind === 'done' && code === null;
    const state = isDone ? verdict.table : before.table;
    await this.#check(state);
    const isTold = isDone && this.#isTold(step, before, state);
    if (isDone && isTold) await this.#checkChanges(before, verdict);
    if (isDone) this.#remember(step, state);
    const facts = { table: this.#table, model: state, code, version: before.version };
    await this.#witness?.after(step, { ...facts, restored, isTold });
    return true;
  }

  /** Whether the feed tells the changes of a step. */
  #isTold(
    step: Step,
    before: { readonly table: ModelTable; readonly version: number },
    state: ModelTable,
  ): boolean {
    const feed = 'delta.enableChangeDataFeed';
    const isOther = step.do === 'clone' || step.do === 'reopen';
    const isCommitted = this.#table.snapshot.version !== before.version;
    // Of rows that go by a restore, the feed shows the columns that come with it.
    const isRestored =
      step.do === 'restore' && columnsText(before.table.schema) !== columnsText(state.schema);
    const isFed = isOn(before.table, feed) && isOn(state, feed);
    return !isOther && !isRestored && isCommitted && isFed;
  }

  /** The newest version opened anew, and an older one. */
  async finish(): Promise<void> {
    const { uri } = this.#table;
    const newest = this.#newest();
    await this.#witness?.end(this.#table, newest);
    const opened = await DeltaTable.open(this.#tools, uri);
    const lines = linesOf(newest.rows, newest.schema);
    const { rows, sha256 } = await opened.checksum();
    if (rows !== lines.length || sha256 !== hashOf(lines)) {
      throw new Mismatch(`opened anew it has another checksum: ${rows} rows of ${lines.length}`);
    }
    const place = Math.floor(this.#versions.length / 2);
    const [version, older] = [this.#versions[place], this.#states[place]];
    if (version === undefined || older === undefined) return;
    this.#table = await DeltaTable.open(this.#tools, uri, { version });
    await this.#check(older);
  }

  #newest(): ModelTable {
    const newest = this.#states.at(-1);
    if (newest === undefined) throw new Mismatch('there is no state');
    return newest;
  }

  /** The code by which it is refused, which has to be one of these. */
  async #refusal(step: Step, codes: readonly string[]): Promise<string | null> {
    try {
      await this.#perform(step);
      return null;
    } catch (error) {
      if (isDeltaError(error) && codes.includes(error.code)) return error.code;
      throw error;
    }
  }

  async #perform(step: Step): Promise<void> {
    switch (step.do) {
      case 'restore': {
        await this.#table.restore({ version: this.#versions.at(-1 - step.back) ?? -1 });
        return;
      }
      case 'reopen':
        this.#table = await DeltaTable.open(this.#tools, this.#table.uri);
        return;
      case 'clone': {
        this.#clones += 1;
        const uri = this.#place(`clone${this.#clones}`);
        await this.#table.clone(uri, { kind: step.kind });
        this.#table = await DeltaTable.open(this.#tools, uri);
        return;
      }
      case 'read': {
        const { rows, schema } = this.#newest();
        const where = sqlOf(step.where);
        const found = await Array.fromAsync(this.#table.scan({ where }));
        const expected = rows.filter((row) => isTrue(step.where, row));
        sameLines(`the rows where ${where}`, linesOf(found, schema), linesOf(expected, schema));
        return;
      }
      default:
        await perform(this.#table, step);
    }
  }

  #remember(step: Step, state: ModelTable): void {
    const { version } = this.#table.snapshot;
    const isNew = version !== this.#versions.at(-1);
    if (step.do === 'clone' && step.kind === 'shallow') {
      [this.#states, this.#versions] = [[state], [version]];
    } else {
      const [states, versions] = [this.#states, this.#versions];
      this.#states = [...(isNew ? states : states.slice(0, -1)), state];
      this.#versions = [...(isNew ? versions : versions.slice(0, -1)), version];
    }
  }

  async #check({ schema, rows }: ModelTable): Promise<void> {
    const described = columnsText(this.#table.snapshot.schema);
    if (described !== columnsText(schema)) {
      throw new Mismatch(`the columns are ${described}, and should be ${columnsText(schema)}`);
    }
    const found = await Array.fromAsync(this.#table.scan());
    sameLines('the rows', linesOf(found, schema), linesOf(rows, schema));
  }

  async #checkChanges(
    before: { readonly table: ModelTable; readonly version: number },
    { table, changes }: { readonly table: ModelTable; readonly changes: readonly Change[] | null },
  ): Promise<void> {
    const toVersion = this.#table.snapshot.version;
    const range = { fromVersion: before.version + 1, toVersion };
    const found = await Array.fromAsync(this.#table.readChanges(range), (row): Change => ({
      kind: kindOf(row['_change_type']),
      row,
    }));
    const { schema } = table;
    if (changes === null) {
      const sum = [...minus(before.table.rows), ...plus(table.rows)];
      sameLines('the sum of changes', netOf(found, schema), netOf(sum, schema));
    } else {
      sameLines('the changes', changeLines(found, schema), changeLines(changes, schema));
    }
  }
}

function minus(rows: readonly Row[]): readonly Change[] {
  return rows.map((row) => ({ kind: 'delete', row }));
}

function plus(rows: readonly Row[]): readonly Change[] {
  return rows.map((row) => ({ kind: 'insert', row }));
}
