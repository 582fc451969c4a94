/** `merge`: files into a table by a condition; an upsert of all columns unless clauses are given. */

import type { MergeSpec } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { counted, print, printObject, warnOf } from '../output.ts';
import type { CommonOptions } from '../program.ts';
import { withSources } from '../sources.ts';

/** A clause is absent, bare (`true`), or has a condition. */
type ClauseOption = string | true | undefined;

export interface MergeCommandOptions extends CommonOptions {
  readonly using: readonly string[];
  readonly on: string;
  readonly update?: string | true;
  readonly delete?: string | true;
  readonly insert?: string | true;
}

export async function run(text: string, options: MergeCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `merging into ${text}`);
  try {
    const table = await environment.openTableToWrite(text);
    const { schema } = table.snapshot;
    const result = await withSources(environment.tools, options.using, schema, (source) =>
      table.merge({
        source,
        on: options.on,
        ...clausesOf(options),
        signal: environment.signal,
      }),
    );
    const { postCommitErrors, ...facts } = result;
    warnOf(postCommitErrors);
    if (options.json === true) {
      await printObject(facts);
    } else {
      const { version, updated, deleted, inserted } = facts;
      await print(
        `version ${version}: ${counted(updated, 'row')} updated, ${deleted} deleted, ${inserted} inserted`,
      );
    }
  } finally {
    await environment.close();
  }
}

/** Deletes come before updates, so that a bare update does not hide them. */
function clausesOf(
  options: MergeCommandOptions,
): Pick<MergeSpec, 'whenMatched' | 'whenNotMatched'> {
  if (![options.update, options.delete, options.insert].some((clause) => clause !== undefined)) {
    return { whenMatched: [{ update: '*' }], whenNotMatched: [{ insert: '*' }] };
  }
  return {
    whenMatched: [
      ...clause(options.delete).map((condition) => ({ ...condition, delete: true as const })),
      ...clause(options.update).map((condition) => ({ ...condition, update: '*' as const })),
    ],
    whenNotMatched: clause(options.insert).map((condition) => ({
      ...condition,
      insert: '*' as const,
    })),
  };
}

function clause(option: ClauseOption): { readonly condition?: string }[] {
  if (option === undefined) return [];
  return option === true ? [{}] : [{ condition: option }];
}
