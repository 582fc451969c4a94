/** One call of a function: its arguments, brought to what the function asks for. */

import { present } from '../base/index.ts';
import { type DataType, STRING } from '../schema/index.ts';
import { align } from './align.ts';
import { castTo, isWidening } from './casts.ts';
import { expressionType, expressionUnsupported } from './errors.ts';
import { is, isNumeric, sameType, typeText } from './type-rules.ts';
import { type Binder, type Typed, typed } from './typed.ts';

export type FunctionTable = Readonly<Record<string, (call: Call) => Typed>>;

export class Call {
  readonly name: string;
  readonly args: readonly Typed[];
  readonly binder: Binder;

  constructor(name: string, args: readonly Typed[], binder: Binder) {
    this.name = name;
    this.args = args;
    this.binder = binder;
  }

  /** Refuses a wrong number of arguments. */
  count(min: number, max: number = min): this {
    if (this.args.length < min || this.args.length > max) {
      throw expressionType(`${this.name}() with ${String(this.args.length)} arguments`);
    }
    return this;
  }

  at(index: number): Typed {
    return present(this.args[index], `argument ${String(index + 1)} of ${this.name}()`);
  }

  /** An argument as a type, by Spark's implicit casts: text to anything, anything to text, numbers to wider ones. */
  as(index: number, type: DataType): Typed {
    const arg = this.at(index);
    const implicit =
      sameType(arg.type, type) ||
      is(arg.type, 'void', 'string') ||
      isWidening(arg.type, type) ||
      (is(type, 'date') && is(arg.type, 'timestamp', 'timestamp_ntz')) ||
      (isNumeric(arg.type) && type.kind === 'decimal') ||
      (typeof arg.constant === 'number' && isNumeric(type));
    if (!implicit || arg.type.kind === 'map' || arg.type.kind === 'struct') throw this.mismatch();
    return castTo(arg, type, this.binder);
  }

  text(index: number): Typed {
    return this.as(index, STRING);
  }

  /** All arguments from `from` on, in their common type. */
  aligned(from = 0): readonly Typed[] {
    return align(`${this.name}()`, this.args.slice(from), this.binder);
  }

  /** The text of a literal argument; null where it is NULL; anything else is refused. */
  literalText(index: number): string | null {
    const { constant } = this.at(index);
    if (constant === null) return null;
    if (typeof constant !== 'string') {
      throw this.refused(`argument ${String(index + 1)} that is not a literal text`);
    }
    return constant;
  }

  /** The integer of a literal argument, or `absent` where there is none. */
  literalInteger(index: number, absent: number): number {
    if (index >= this.args.length) return absent;
    const { constant } = this.at(index);
    if (typeof constant !== 'number' || !Number.isInteger(constant)) {
      throw this.refused(`argument ${String(index + 1)} that is not a literal integer`);
    }
    return constant;
  }

  /** A result of `type` that fails only if an argument does. */
  result(sql: string, type: DataType): Typed {
    return typed(sql, type, ...this.args);
  }

  refused(what: string): Error {
    return expressionUnsupported(`${this.name}() with ${what}`);
  }

  mismatch(): Error {
    return expressionType(`${this.name}(${this.args.map((arg) => typeText(arg.type)).join(', ')})`);
  }
}

/** One argument of one type, a native function of it. */
export function unary(native: string, input: DataType, output: DataType): (call: Call) => Typed {
  return (call) => {
    const arg = call.count(1).as(0, input);
    return typed(`${native}(${arg.sql})`, output, arg);
  };
}
