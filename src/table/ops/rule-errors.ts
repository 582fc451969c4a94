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

/** A row for people: `id = 1, name = null`. */
function exampleText(row: Row): string {
  const values = Object.entries(row).map(([name, value]) => `${name} = ${valueText(value)}`);
  return values.length === 0 ? 'any values' : values.join(', ');
}

function valueText(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, item: unknown) =>
    typeof item === 'bigint' ? String(item) : item instanceof Uint8Array ? [...item] : item,
  );
}
