/** `merge`: rows of files, of another table or of a query into a table; an upsert of all columns unless clauses are given. */

import type { EvolveMode } from '../../schema/index.ts';
import {
  type DeltaTable,
  type MergeExplanation,
  type MergeOutcome,
  type NamedMergeSpec,
  type NamedSource,
  openSnapshot,
  type RowChangeMode,
  tableContext,
} from '../../table/index.ts';
import { type Environment, openEnvironment } from '../environment.ts';
import { mergeSourceMissing } from '../errors.ts';
import { counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';
import { withSources } from '../sources.ts';

/** A clause is absent, bare (`true`), or has a condition. */
type ClauseOption = string | true | undefined;

export interface MergeCommandOptions extends CommonOptions {
  readonly using?: readonly string[];
  readonly usingTable?: string;
  readonly usingSql?: string;
  readonly on: string;
  readonly update?: string | true;
  readonly delete?: string | true;
  readonly insert?: string | true;
  readonly deleteBySource?: string | true;
  readonly evolve?: EvolveMode;
  readonly mode?: RowChangeMode;
  readonly maxMemory?: string;
  readonly dryRun?: boolean;
}

export async function run(text: string, options: MergeCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `merging into ${text}`);
  try {
    const table = await environment.openTableToWrite(text);
    const { on, evolve, mode, maxMemory } = options;
    const spec = {
      on,
      ...clausesOf(options),
      ...(evolve === undefined ? {} : { evolve }),
      ...(mode === undefined ? {} : { mode }),
      ...(maxMemory === undefined ? {} : { maxMemory }),
      signal: environment.signal,
    };
    await withSource(environment, table, options, async (source) => {
      if (options.dryRun === true) {
        await printPlan(await table.explainMerge({ ...spec, source }), options);
      } else {
        await printOutcome(await table.merge({ ...spec, source }), options);
      }
    });
  } finally {
    await environment.close();
  }
}

async function withSource(
  environment: Environment,
  { snapshot }: DeltaTable,
  { using, usingTable, usingSql }: MergeCommandOptions,
  use: (source: NamedSource) => Promise<void>,
): Promise<void> {
  if (using !== undefined) return withSources(environment.tools, using, snapshot.schema, use);
  if (usingTable !== undefined) return use({ table: await tableAt(environment, usingTable) });
  if (usingSql === undefined) throw mergeSourceMissing();
  return use({ query: { sql: usingSql, ...(await catalogTables(environment)) } });
}

/** `db.table`, or `db.table@3` for its version 3. */
async function tableAt(
  environment: Environment,
  text: string,
): Promise<{ readonly uri: string; readonly version?: number }> {
  const [, name = text, version] = /^(.*)@(\d+)$/s.exec(text) ?? [];
  const uri = await environment.locate(name);
  return version === undefined ? { uri } : { uri, version: Number(version) };
}

async function catalogTables(
  environment: Environment,
): Promise<Omit<Extract<NamedSource, { readonly query: unknown }>['query'], 'sql'>> {
  const { tools } = environment;
  const { database, views } = environment.requireConfig();
  const catalog = await environment.catalog();
  return {
    database,
    views,
    signal: environment.signal,
    find: async (name) => {
      const entry = await catalog.getTable(name);
      if (entry === null) return null;
      const context = tableContext(tools, tools.openStore(environment.locationOf(entry)));
      return { context, snapshot: await openSnapshot(context) };
    },
  };
}

async function printOutcome(
  { postCommitErrors, ...facts }: MergeOutcome,
  { json }: CommonOptions,
): Promise<void> {
  warnOf(postCommitErrors);
  if (json === true) {
    await printObject(facts);
    return;
  }
  const { version, updated, deleted, inserted } = facts;
  await print(
    `version ${version}: ${counted(updated, 'row')} updated, ${deleted} deleted, ${inserted} inserted`,
  );
}

async function printPlan(plan: MergeExplanation, { json }: CommonOptions): Promise<void> {
  if (json === true) {
    await printObject({ ...plan, files: plan.files.map((file) => ({ ...file })) });
    return;
  }
  for (const { action, path, updatedCount, deletedCount } of plan.files) {
    const rows = `${counted(updatedCount, 'row')} updated, ${String(deletedCount)} deleted`;
    await print(action === 'read' ? `read ${path}` : `${action} ${path}: ${rows}`);
  }
  const touched = plan.files.filter(({ action }) => action !== 'read').length;
  await print(
    `version ${plan.version}: of ${counted(plan.fileCount, 'file')}, ${plan.files.length} would be read and ${touched} changed`,
  );
}

/** Deletes come before updates, so that a bare update does not hide them. */
function clausesOf(
  options: MergeCommandOptions,
): Pick<NamedMergeSpec, 'whenMatched' | 'whenNotMatched' | 'whenNotMatchedBySource'> {
  const { update, delete: remove, insert, deleteBySource } = options;
  if (![update, remove, insert, deleteBySource].some((clause) => clause !== undefined)) {
    return { whenMatched: [{ update: '*' }], whenNotMatched: [{ insert: '*' }] };
  }
  return {
    whenMatched: [
      ...clause(remove).map((condition) => ({ ...condition, delete: true as const })),
      ...clause(update).map((condition) => ({ ...condition, update: '*' as const })),
    ],
    whenNotMatched: clause(insert).map((condition) => ({
      ...condition,
      insert: '*' as const,
    })),
    whenNotMatchedBySource: clause(deleteBySource).map((condition) => ({
      ...condition,
      delete: true as const,
    })),
  };
}

function clause(option: ClauseOption): { readonly condition?: string }[] {
  if (option === undefined) return [];
  return option === true ? [{}] : [{ condition: option }];
}
