/** The functions an expression may call. One that is not in these tables is refused by name. */

import { expressionUnsupported } from './errors.ts';
import { FUNCTIONS_OF_COLLECTIONS } from './functions-collections.ts';
import { Call, type FunctionTable } from './function-call.ts';
import { FUNCTIONS_OF_NUMBERS } from './functions-numbers.ts';
import { FUNCTIONS_OF_TEXT } from './functions-text.ts';
import { FUNCTIONS_OF_TIME } from './functions-time.ts';
import type { Binder, Typed } from './typed.ts';

const FUNCTIONS: FunctionTable = {
  ...FUNCTIONS_OF_COLLECTIONS,
  ...FUNCTIONS_OF_NUMBERS,
  ...FUNCTIONS_OF_TEXT,
  ...FUNCTIONS_OF_TIME,
};

/** Names that everything here understands, for messages and documentation; in the order of the alphabet. */
export function functionNames(): readonly string[] {
  return Object.keys(FUNCTIONS).sort();
}

/** A call by its lower-case name. Errors: `EXPRESSION_UNSUPPORTED`, `EXPRESSION_TYPE`. */
export function translateCall(name: string, args: readonly Typed[], binder: Binder): Typed {
  const translate = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (translate === undefined) throw expressionUnsupported(`the function ${name}()`);
  return translate(new Call(name, args, binder));
}
