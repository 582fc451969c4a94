/** Reading what changed between versions: the change data feed. PROTOCOL.md, "Change Data Files". */

import { identifier, literal } from '../../engine/index.ts';
import type { Row, StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { CHANGE_COLUMNS, CHANGE_TYPE, COMMIT_TIMESTAMP, COMMIT_VERSION } from './change-columns.ts';
import { type ChangePlan, planChanges, type VersionRange } from './change-sets.ts';
import { type Checksum, checksumOf } from './checksum.ts';
import { rowReader } from './row-values.ts';
import { relations } from './scan-files.ts';
import type { VariantForm } from './variant-types.ts';

export interface ChangesOptions extends VersionRange {
  readonly signal?: AbortSignal;
}

/**
 * The rows that changed from one version to another, both inclusive, in the order of versions: the table's columns as of
 * the last version, `_change_type` (`insert`, `update_preimage`, `update_postimage` or `delete`), `_commit_version` and
 * `_commit_timestamp`. `latest` is the table at its newest version.
 * Errors: `CHANGES_RANGE`, `CHANGES_NOT_RECORDED`, `CHANGES_GONE` (invalid), and as for `scan`; files that were removed
 * and vacuumed since are `TABLE_FILE_MISSING`.
 */
export async function* readChanges(
  ctx: TableContext,
  latest: Snapshot,
  options: ChangesOptions,
): AsyncGenerator<Row> {
  const plan = await planChanges(ctx, latest, options);
  const engine = await ctx.engine();
  const session = await engine.openSession();
  const { schema } = plan.snapshot;
  const toRow = rowReader({ ...schema, fields: [...schema.fields, ...CHANGE_COLUMNS] });
  const statement = statementOf(options);
  try {
    for await (const sql of changeRelations(ctx, plan, { ...options, variants: 'json' })) {
      for await (const { columns, rowCount } of session.stream(sql, statement)) {
        for (let index = 0; index < rowCount; index += 1) yield toRow(columns, index);
      }
    }
  } finally {
    await session.close();
  }
}

/** The fingerprint of the changes, without `_commit_timestamp`, which a copy of a table does not keep; see `checksum`. */
export async function changesChecksum(
  ctx: TableContext,
  latest: Snapshot,
  options: ChangesOptions,
): Promise<Checksum> {
  const plan = await planChanges(ctx, latest, options);
  const { fields } = plan.snapshot.schema;
  const schema: StructType = { kind: 'struct', fields: [...fields, CHANGE_TYPE, COMMIT_VERSION] };
  const engine = await ctx.engine();
  const session = await engine.openSession();
  try {
    const selects = changeRelations(ctx, plan, { ...options, variants: 'binary' });
    return await checksumOf(session, selects, schema, options);
  } finally {
    await session.close();
  }
}

/** SELECTs with the table's columns and `CHANGE_COLUMNS`. What was staged for one lives until the next is asked for. */
async function* changeRelations(
  ctx: TableContext,
  { snapshot, sets }: ChangePlan,
  options: ChangesOptions & { readonly variants: VariantForm },
): AsyncGenerator<string> {
  const { schema } = snapshot;
  for await (const { version, timestampMs, changeType, files } of sets) {
    const own =
      changeType === null ? { ...schema, fields: [...schema.fields, CHANGE_TYPE] } : schema;
    const names = schema.fields.map(({ name }) => identifier(name));
    const type = changeType === null ? identifier(CHANGE_TYPE.name) : literal(changeType);
    const list = [
      ...names,
      `${type} AS ${identifier(CHANGE_TYPE.name)}`,
      `CAST(${String(version)} AS BIGINT) AS ${identifier(COMMIT_VERSION.name)}`,
      `make_timestamptz(${String(timestampMs * 1000)}) AS ${identifier(COMMIT_TIMESTAMP.name)}`,
    ];
    const read = { schema: own, variants: options.variants, ...statementOf(options) };
    for await (const relation of relations(ctx, snapshot, files, read)) {
      yield `SELECT ${list.join(', ')} FROM (${relation}) AS "changes"`;
    }
  }
}

function statementOf({ signal }: ChangesOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
