/** CHECK constraints of a table, given and taken. PROTOCOL.md, "CHECK Constraints". */

import { withFeatures } from '../../log/index.ts';
import { alter, type AlterResult, differences } from '../alter.ts';
import { completed } from '../description.ts';
import { CONSTRAINT_PREFIX } from '../property-rules.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { LazySession } from './input-session.ts';
import { findViolation } from './row-rules.ts';
import {
  constraintExists,
  constraintInvalid,
  constraintUnknown,
  ruleViolated,
} from './rule-errors.ts';
import { ruleOf } from './table-rules.ts';

export interface Constraint {
  /** As people know it, in lower case. */
  readonly name: string;
  /** Spark's SQL. */
  readonly expression: string;
}

/** The constraints of a table. */
export function constraintsOf({ metadata }: Pick<Snapshot, 'metadata'>): readonly Constraint[] {
  return Object.entries(metadata.configuration).flatMap(([key, expression]) =>
    key.toLowerCase().startsWith(CONSTRAINT_PREFIX)
      ? [{ name: key.slice(CONSTRAINT_PREFIX.length), expression }]
      : [],
  );
}

/**
 * Adds a constraint that all rows keep to, now and from now on: the expression has to be true, null is not enough. Read anew
 * where another writer committed meanwhile. Errors: `CONSTRAINT_EXISTS`, `CONSTRAINT_INVALID` (invalid), `RULE_UNSUPPORTED`
 * (unsupported), `RULE_VIOLATED` (data) with a row that is there, those of `alter`.
 */
export async function addConstraint(
  ctx: TableContext,
  snapshot: Snapshot,
  { name, expression }: Constraint,
): Promise<AlterResult> {
  if (!/^\w+$/.test(name))
    throw constraintInvalid(name, 'its name must be of letters, digits and _');
  const session = new LazySession(ctx);
  try {
    return await alter(ctx, snapshot, async (latest) => {
      const held = named(latest, name);
      if (held !== undefined) throw constraintExists(held.name, held.expression);
      const rule = ruleOf(latest.schema, { name: `CHECK ${name}`, text: expression });
      const rules = { files: [...latest.files()], rules: [rule] };
      const found = await findViolation(ctx, latest, rules, { session });
      if (found !== null) throw ruleViolated(rule, found.row, 'The constraint was not added');
      const key = CONSTRAINT_PREFIX + name.toLowerCase();
      const configuration = { ...latest.metadata.configuration, [key]: expression };
      const described = {
        protocol: withFeatures(latest.protocol, ['checkConstraints']),
        metadata: { ...latest.metadata, configuration },
      };
      return {
        operation: 'ADD CONSTRAINT',
        operationParameters: { name, expr: expression },
        actions: differences(latest, completed(described, { before: latest, random: ctx.random })),
        restsOnVersion: true,
      };
    });
  } finally {
    await session.close();
  }
}

/** Takes a constraint away. Errors: `CONSTRAINT_UNKNOWN` (invalid), unless `ifExists`; those of `alter`. */
export async function dropConstraint(
  ctx: TableContext,
  snapshot: Snapshot,
  { name, ifExists = false }: { readonly name: string; readonly ifExists?: boolean },
): Promise<AlterResult> {
  return alter(ctx, snapshot, (latest) => {
    const held = named(latest, name);
    if (held === undefined && !ifExists) {
      const known = constraintsOf(latest).map((constraint) => constraint.name);
      throw constraintUnknown(name, known);
    }
    const configuration = Object.fromEntries(
      Object.entries(latest.metadata.configuration).filter(
        ([key]) => held === undefined || key !== keyOf(latest, held),
      ),
    );
    const metadata = { ...latest.metadata, configuration };
    return {
      operation: 'DROP CONSTRAINT',
      operationParameters: { name, ...(held === undefined ? {} : { expr: held.expression }) },
      actions: differences(latest, { protocol: latest.protocol, metadata }),
    };
  });
}

function named(table: Snapshot, name: string): Constraint | undefined {
  return constraintsOf(table).find((held) => held.name.toLowerCase() === name.toLowerCase());
}

/** As the table spells it. */
function keyOf({ metadata }: Snapshot, { name }: Constraint): string | undefined {
  return Object.keys(metadata.configuration).find(
    (key) =>
      key.toLowerCase().startsWith(CONSTRAINT_PREFIX) &&
      key.slice(CONSTRAINT_PREFIX.length) === name,
  );
}
