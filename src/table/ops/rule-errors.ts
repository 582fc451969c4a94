/** The errors of writes whose rows must be as something says. */

import { DeltaError } from '../../base/index.ts';
import type { Row } from '../../schema/index.ts';

/** `OVERWRITE_INVALID`: what was asked of an overwrite cannot be done; `reason` says why. */
export function overwriteInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'OVERWRITE_INVALID',
    message: `the table cannot be overwritten so: ${reason}`,
  });
}

/** `REPLACE_MISMATCH`: a row that is to come in is none of those that are replaced. */
export function replaceMismatch(predicate: string, row: Row): DeltaError {
  const example = exampleText(row);
  return new DeltaError({
    kind: 'data',
    code: 'REPLACE_MISMATCH',
    message:
      `the rows that come in must be such as are replaced, where ${predicate}, and there is one with ${example}; ` +
      'leave such rows out, or append them. Nothing was written',
    details: { predicate, example },
  });
}

/** `RULE_UNSUPPORTED`: a rule of the table cannot be evaluated here, so that no rows can be held to it. */
export function ruleUnsupported(name: string, text: string, cause: DeltaError): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'RULE_UNSUPPORTED',
    message:
      `${name} of the table, ${text}, cannot be evaluated here, so that no rows are written that might break it: ` +
      cause.message,
    details: { ...cause.details, rule: name, expression: text },
    cause,
  });
}

/** `RULE_VIOLATED`: a row is not as the table asks of its rows. */
export function ruleViolated(
  { name, text }: { readonly name: string; readonly text: string },
  row: Row,
  what = 'Nothing was written',
): DeltaError {
  const example = exampleText(row);
  return new DeltaError({
    kind: 'data',
    code: 'RULE_VIOLATED',
    message: `${name}, ${text}, does not hold for a row with ${example}; correct such rows. ${what}`,
    details: { rule: name, expression: text, example },
  });
}

/** `COLUMN_GIVEN`: values came for a column that the table makes its own values for. */
export function columnGiven(column: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'COLUMN_GIVEN',
    message: `the values of the identity column ${column} are always the table's own; leave it out`,
    details: { column },
  });
}

/** `COLUMN_VALUES_INVALID`: a new table could not make the values of a column as it is told to. */
export function columnValuesInvalid(column: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'COLUMN_VALUES_INVALID',
    message: `the table cannot make the values of the column ${column}: ${why}`,
    details: { column },
  });
}

/** `IDENTITY_EXHAUSTED`: an identity column has no values left. */
export function identityExhausted(column: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'IDENTITY_EXHAUSTED',
    message: `the identity column ${column} has no values of its type left`,
    details: { column },
  });
}

/** `CONSTRAINT_EXISTS`: there is a constraint of this name. */
export function constraintExists(name: string, text: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONSTRAINT_EXISTS',
    message: `the table has a constraint ${name} already, ${text}; drop it first, or choose another name`,
    details: { constraint: name, expression: text },
  });
}

/** `CONSTRAINT_UNKNOWN`: there is no constraint of this name. */
export function constraintUnknown(name: string, known: readonly string[]): DeltaError {
  const those = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
  return new DeltaError({
    kind: 'invalid',
    code: 'CONSTRAINT_UNKNOWN',
    message: `the table has no constraint ${name}; ${those}`,
    details: { constraint: name },
  });
}

/** `CONSTRAINT_INVALID`: what was asked for is no constraint. */
export function constraintInvalid(name: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONSTRAINT_INVALID',
    message: `${name === '' ? 'a constraint' : `the constraint ${name}`} cannot be added: ${why}`,
    details: { constraint: name },
  });
}

/** A row for people: `id = 1, name = null`. */
function exampleText(row: Row): string {
  const values = Object.entries(row).map(([name, value]) => `${name} = ${valueText(value)}`);
  return values.length === 0 ? 'any values' : values.join(', ');
}

function valueText(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(value ?? null, (_key, item: unknown) =>
    typeof item === 'bigint' ? String(item) : item instanceof Uint8Array ? [...item] : item,
  );
}
