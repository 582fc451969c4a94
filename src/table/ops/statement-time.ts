/** The time in the SQL of a statement: one moment for all of its rows, as in Spark. */

import {
  DATE,
  type Expression,
  mapExpression,
  TIMESTAMP,
  TIMESTAMP_NTZ,
} from '../../schema/index.ts';

const MS_PER_DAY = 86_400_000;

/** The expression with the moment in the place of `current_timestamp()`, `current_date()` and their like. Days are those of UTC. */
export function withTime(expression: Expression, nowMs: number): Expression {
  const micros = BigInt(Math.floor(nowMs)) * 1000n;
  return mapExpression(expression, (part) => {
    if (part.kind !== 'call' || part.args.length > 0) return null;
    switch (part.name) {
      case 'current_timestamp':
      case 'now':
        return { kind: 'literal', value: micros, type: TIMESTAMP };
      case 'localtimestamp':
        return { kind: 'literal', value: micros, type: TIMESTAMP_NTZ };
      case 'current_date':
      case 'curdate':
        return { kind: 'literal', value: Math.floor(nowMs / MS_PER_DAY), type: DATE };
      default:
        return null;
    }
  });
}
