/**
 * Spark does each step on a table of its own, which we read, and reads ours; at the end it reads its own too, and DuckDB and
 * delta-rs read ours. For Spark to load a version costs more than a step: each is read by those who did not write it.
 */

import { cpSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { messageOf, present } from '../../src/base/index.ts';
import { DeltaTable, type TableTools } from '../../src/table/index.ts';
import { type EngineProcess, startPeers, startSparkForFewRows } from '../interop/engines.ts';
import { columnsText, sameLines } from './compare.ts';
import { isTrue, sqlOf } from './expressions.ts';
import { hashOf, linesOf } from './lines.ts';
import type { ModelTable } from './model-table.ts';
import type { Program, Step } from './program.ts';
import { changesSql, createSql, stepProgram } from './spark-sql.ts';
import { Mismatch, type StepFacts, type Witness } from './witness.ts';

const SETTINGS = {
  'spark.databricks.delta.writeChecksumFile.enabled': 'false',
  // By the dictionaries of Parquet files it finds no 0.0 where it looks for what equals -0.0.
  'spark.sql.parquet.filterPushdown': 'false',
} as const;

export class SparkWitness implements Witness {
  /** What the others refuse, with how often. */
  readonly refusals = new Map<string, number>();
  readonly #spark: EngineProcess;
  readonly #peers: EngineProcess;
  #tools: TableTools | null = null;
  #twin = '';
  /** As we have it open. */
  #opened: DeltaTable | null = null;
  /** The version of ours that Spark read last. */
  #read = '';
  /** Of the twin, by ours. */
  #versions = new Map<number, number>();

  private constructor(spark: EngineProcess, peers: EngineProcess) {
    this.#spark = spark;
    this.#peers = peers;
  }

  static async start(): Promise<SparkWitness> {
    const spark = await startSparkForFewRows(SETTINGS);
    return new SparkWitness(spark, startPeers());
  }

  async stop(): Promise<void> {
    await Promise.all([this.#spark.stop(), this.#peers.stop()]);
  }

  async begin(program: Program, { tools, table }: Parameters<Witness['begin']>[1]): Promise<void> {
    const uri = fileURLToPath(table.uri);
    this.#tools = tools;
    this.#twin = `${uri}-twin`;
    this.#opened = null;
    this.#read = '';
    this.#versions = new Map([[table.snapshot.version, 0]]);
    const refusal = await this.#refusal({
      op: 'sql',
      statement: createSql(program, `delta.\`${this.#twin}\``),
    });
    if (refusal !== null) this.#goOn('create', refusal, { uri, version: table.snapshot.version });
  }

  async after(step: Step, facts: StepFacts): Promise<void> {
    const { table, model, code } = facts;
    const uri = fileURLToPath(table.uri);
    const { version } = table.snapshot;
    if (step.do === 'clone') this.#moveTwin(uri, step.kind);
    const source = stepProgram(step, `delta.\`${this.#twin}\``, {
      version: this.#versions.get(facts.restored ?? -1) ?? null,
    });
    const refusal = source === null ? null : await this.#refusal({ op: 'program', source });
    if (code !== null && refusal === null && source !== null) {
      this.#goOn(step.do, `only ours refuses it, by ${code}`, { uri, version });
    }
    if (code === null && refusal !== null) this.#goOn(step.do, refusal, { uri, version });
    this.#versions.set(version, this.#twinVersion());
    const lines = linesOf(model.rows, model.schema);
    await this.#sameTwin(step, facts, lines);
    // What no step has touched since is what it was; a checkpoint is no version, and Spark loads from it.
    const read = `${uri} ${String(version)}`;
    if (read !== this.#read || step.do === 'checkpoint') {
      await this.#same('our table, read by Spark,', { uri }, lines);
    }
    this.#read = read;
    if (step.do === 'read') {
      const query = `SELECT * FROM delta.\`${uri}\` WHERE ${sqlOf(step.where)}`;
      const rows = model.rows.filter((row) => isTrue(step.where, row));
      await this.#same('what Spark selects', { query }, linesOf(rows, model.schema));
    }
    if (facts.isTold) await this.#sameChanges(uri, facts);
  }

  async end(table: DeltaTable, model: ModelTable): Promise<void> {
    const uri = fileURLToPath(table.uri);
    const lines = linesOf(model.rows, model.schema);
    await this.#same('the twin, read by Spark,', { uri: this.#twin }, lines);
    const sha256 = hashOf(lines);
    for (const engine of ['duckdb', 'datafusion']) {
      try {
        const found = await this.#peers.checksum({ engine, uri });
        if (found.sha256 !== sha256) this.#note(`${engine} reads other rows`);
      } catch (error) {
        this.#note(`${engine}: ${firstWords(messageOf(error))}`);
      }
    }
    rmSync(this.#twin, { recursive: true, force: true });
  }

  /** The feed of ours as Spark reads it, and as we do. */
  async #sameChanges(uri: string, { table, model, version }: StepFacts): Promise<void> {
    const range = [version + 1, table.snapshot.version] as const;
    const [fromVersion, toVersion] = range;
    const { schema } = model;
    const type = { kind: 'primitive', name: 'string' } as const;
    const kind = { name: '_change_type', type, nullable: true, metadata: {} };
    const rows = await Array.fromAsync(table.readChanges({ fromVersion, toVersion }));
    const lines = linesOf(rows, { ...schema, fields: [...schema.fields, kind] });
    await this.#same(
      'our changes, read by Spark,',
      { query: changesSql(schema, uri, range) },
      lines,
    );
  }

  async #sameTwin(step: Step, facts: StepFacts, lines: readonly string[]): Promise<void> {
    const tools = present(this.#tools, 'the tools of a program that began');
    this.#opened ??= await DeltaTable.open(tools, this.#twin);
    const twin = await this.#opened.refresh();
    const rows = await Array.fromAsync(this.#opened.scan());
    const { uri, snapshot } = facts.table;
    // Where no row changes, a merge of Spark's brings the new columns of its source, and one of ours does not.
    const mayGrow =
      step.do === 'merge' && step.evolve === true && snapshot.version === facts.version;
    const grows = mayGrow && columnsText(twin.schema) !== columnsText(snapshot.schema);
    const schema = grows ? snapshot.schema : twin.schema;
    sameLines('the rows of the twin', linesOf(rows, schema), lines);
    const { version } = snapshot;
    if (grows) this.#goOn('merge', 'only the twin grows', { uri: fileURLToPath(uri), version });
  }

  async #same(
    what: string,
    request: Readonly<Record<string, string>>,
    lines: readonly string[],
  ): Promise<void> {
    const found = await this.#spark.checksum(request);
    if (found.rows === lines.length && found.sha256 === hashOf(lines)) return;
    const select = request['query'] ?? `SELECT * FROM delta.\`${request['uri'] ?? ''}\``;
    const { rows } = await this.#spark.ask({ op: 'sql', statement: select });
    throw new Mismatch(
      `${what} has other rows: ${found.rows} of ${lines.length}\n  to Spark:\n    ` +
        `${(Array.isArray(rows) ? rows : []).map(String).join('\n    ')}\n  should be:\n    ${lines.join('\n    ')}`,
    );
  }

  async #refusal(request: Readonly<Record<string, string>>): Promise<string | null> {
    try {
      await this.#spark.ask(request);
      return null;
    } catch (error) {
      return firstWords(messageOf(error));
    }
  }

  /** The twin goes on as a copy of ours, where the two part by a refusal. */
  #goOn(
    step: string,
    why: string,
    { uri, version }: { readonly uri: string; readonly version: number },
  ): void {
    this.#note(`${step}: ${why}`);
    rmSync(this.#twin, { recursive: true, force: true });
    cpSync(uri, this.#twin, { recursive: true });
    this.#opened = null;
    this.#versions = new Map(Array.from({ length: version + 1 }, (_, each) => [each, each]));
  }

  #moveTwin(uri: string, kind: 'shallow' | 'deep'): void {
    const from = this.#twin;
    this.#twin = `${uri}-twin`;
    this.#opened = null;
    cpSync(from, this.#twin, { recursive: true });
    if (kind === 'shallow') this.#versions.clear();
  }

  #note(what: string): void {
    this.refusals.set(what, (this.refusals.get(what) ?? 0) + 1);
  }

  #twinVersion(): number {
    const names = readdirSync(`${this.#twin}/_delta_log`);
    return Math.max(...names.map((name) => Number(/^(\d{20})\.json$/.exec(name)?.[1] ?? -1)));
  }
}

/** Of an error: its class and the class that Spark gives it, without what differs from one to the next. */
function firstWords(message: string): string {
  const [first = ''] = message.split('\n');
  const [code] = /\[[A-Z_.0-9]+\]/.exec(first) ?? [];
  return code ?? first.replaceAll(/`[^`]*`|'[^']*'|\d+/g, '…').slice(0, 120);
}
