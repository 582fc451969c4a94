/** Operands of one operation, brought to one type. */

import { type DataType, VOID } from '../schema/index.ts';
import { castTo } from './casts.ts';
import { expressionType } from './errors.ts';
import { commonType, sameType, typeText } from './type-rules.ts';
import type { Binder, Typed } from './typed.ts';

/** Operands brought to the least type they have in common; `EXPRESSION_TYPE` where there is none. */
export function align(what: string, operands: readonly Typed[], binder: Binder): readonly Typed[] {
  const type = operands.reduce<DataType>((common, operand) => {
    const next = commonType(common, operand.type);
    if (next === null) {
      throw expressionType(`${what} over ${typeText(common)} and ${typeText(operand.type)}`);
    }
    return next;
  }, VOID);
  return operands.map((operand) =>
    sameType(operand.type, type) ? operand : castTo(operand, type, binder),
  );
}
