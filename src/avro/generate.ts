/**
 * Writes the code that takes one message into the columns: a function for each record, array and map, which calls what holds
 * the values. Nothing of a schema is in that code, neither names nor symbols nor defaults: only numbers, and slots
 * `x0`, `x1`, … for the objects it works on.
 */

import { assert, present, unreachable } from '../base/index.ts';
import type { DataType } from '../schema/index.ts';
import type { ByteReader } from './byte-reader.ts';
import { BytesColumn } from './bytes-column.ts';
import type { Column } from './column-tree.ts';
import { checkKeys } from './map-keys.ts';
import { Memory } from './memory.ts';
import type { AvroScalar, RecordResolution, Resolution } from './resolve.ts';
import { valueBranches, widerOf } from './to-delta.ts';
import type { AvroSchema } from './types.ts';

export interface RowCode {
  /** Takes the message that the reader has open into the place `row`, or throws a `FaultSignal`. */
  read(row: number): void;
  /** Makes the place `row` one without a value. */
  clear(row: number): void;
}

/** Code for messages that resolve by `resolution`, into `column`. */
export function generate(reader: ByteReader, column: Column, resolution: Resolution): RowCode {
  const writer = new CodeWriter();
  const read = writer.define(writer.mark(column, 'n', 1) + writer.read(resolution, column, 'n'));
  const clear = writer.define(writer.clear(column, 'n'));
  return writer.compile(reader, { read, clear });
}

/** Fields of a record that one function takes: the compiler of the engine gives up on very long ones. */
const FIELDS_MAX = 40;

class CodeWriter {
  readonly #slots = new Map<unknown, string>();
  readonly #functions: string[] = [];
  readonly #clearing = new Map<Column, string>();

  compile(reader: ByteReader, names: { readonly read: string; readonly clear: string }): RowCode {
    const slots = [...this.#slots.values()].map((name, index) => `const ${name} = x[${index}];`);
    const result = `return { read: ${names.read}, clear: ${names.clear} };`;
    const code = ["'use strict';", ...slots, ...this.#functions, result].join('\n');
    // The one place where text becomes code; the text is made of the literals of this file and of numbers.
    // oxlint-disable-next-line no-implied-eval, no-new-func
    const make = new Function('r', 'x', code) as (r: ByteReader, x: readonly unknown[]) => RowCode;
    return make(reader, [...this.#slots.keys()]);
  }

  /** A function of one place `n`. */
  define(body: string): string {
    const name = `f${this.#functions.length}`;
    this.#functions.push(`function ${name}(n) {\n${body}}`);
    return name;
  }

  mark(column: Column, place: string, isPresent: 0 | 1): string {
    if (column.validity === null) return '';
    return `${this.#slot(column.validity)}.set(${place}, ${isPresent});\n`;
  }

  /** Makes a place one without a value, in the children that share it too. */
  clear(column: Column, place: string): string {
    if (column.content !== null) {
      const content = this.#slot(column.content);
      return `${this.mark(column, place, 0)}${content}.clear(${place});\n`;
    }
    let name = this.#clearing.get(column);
    if (name === undefined) {
      const members = column.children.map((it) => this.clear(it, 'n'));
      name = this.define(this.mark(column, 'n', 0) + members.join(''));
      this.#clearing.set(column, name);
    }
    return `${name}(${place});\n`;
  }

  read(resolution: Resolution, column: Column, place: string): string {
    switch (resolution.kind) {
      case 'scalar':
        return this.#readScalar(resolution, column, place);
      case 'enum': {
        const symbols = resolution.symbols.map((it) =>
          it === null ? null : Memory.of(Buffer.from(it)),
        );
        return `${this.#content(column)}.symbol(r, ${place}, ${this.#slot(symbols)});\n`;
      }
      case 'record':
        return this.#readRecord(resolution, column, place);
      case 'array': {
        const item = this.read(resolution.item, child(column, 0), 'i');
        return this.#readItems(column, place, {
          item,
          bytesMin: bytesMin(resolution.writer.items),
        });
      }
      case 'map':
        return this.#readMap(resolution.value, column, {
          place,
          bytesMin: 1 + bytesMin(resolution.writer.values),
        });
      case 'branches':
        return choice(resolution.branches.map((branch) => this.read(branch, column, place)));
      case 'member':
        return this.#readMember(resolution, column, place);
      case 'mismatch':
        return `r.fail('AVRO_UNREADABLE', 'the reader has no place for a branch of a union');\n`;
      default:
        return unreachable(resolution);
    }
  }

  #readScalar(
    { writer, reader }: { readonly writer: AvroScalar; readonly reader: AvroScalar },
    column: Column,
    place: string,
  ): string {
    if (reader.kind === 'null') return '';
    const size = writer.kind === 'fixed' ? `, ${writer.sizeBytes}` : '';
    const method = scalarMethod(writer, reader, column.type);
    return `${this.#content(column)}.${method}(r, ${place}${size});\n`;
  }

  #readRecord({ steps, defaults }: RecordResolution, column: Column, place: string): string {
    const parts = [
      ...steps.map(({ writer, into }) =>
        into === null ? this.#skip(writer) : this.read(into.value, child(column, into.column), 'n'),
      ),
      ...defaults.map(({ column: index, bytes, value }) => {
        const read = this.read(value, child(column, index), 'n');
        return `r.divert(${this.#slot(Memory.of(bytes))});\n${read}r.resume();\n`;
      }),
    ];
    return this.#calls(parts, place);
  }

  #readMap(
    value: Resolution,
    column: Column,
    options: { readonly place: string; readonly bytesMin: number },
  ): string {
    const keys = present(child(column, 0).content, 'the keys of a map');
    assert(keys instanceof BytesColumn, 'the keys of a map are texts');
    const item = `${this.#slot(keys)}.text(r, i);\n${this.read(value, child(column, 1), 'i')}`;
    const last = `${this.#slot(checkKeys)}(r, ${this.#slot(keys)}, ${this.#content(column)}.start(n), i);\n`;
    return this.#readItems(column, options.place, { item, last, bytesMin: options.bytesMin });
  }

  #readItems(
    column: Column,
    place: string,
    code: { readonly item: string; readonly last?: string; readonly bytesMin: number },
  ): string {
    const offsets = this.#content(column);
    const level = this.#slot(present(column.items, 'the level of the items'));
    const block = `r.block(${code.bytesMin})`;
    const name = this.define(
      `let i = ${offsets}.start(n);\n` +
        `for (let k = ${block}; k > 0; k = ${block}) {\nfor (; k > 0; k -= 1) {\n` +
        `if (i >= ${level}.capacity) ${level}.grow(i);\n${code.item}i += 1;\n}\n}\n` +
        `${code.last ?? ''}${offsets}.end(n, i);\n`,
    );
    return `${name}(${place});\n`;
  }

  #readMember(
    { union, index, value }: Resolution & { readonly kind: 'member' },
    column: Column,
    place: string,
  ): string {
    const values = valueBranches(union.branches);
    const member = values.findIndex((branch) => branch.index === index);
    if (member === -1) return this.clear(column, place);
    const own = this.mark(column, place, 1);
    if (values.length === 1 || widerOf(values.map(({ branch }) => branch)) !== null) {
      return own + this.read(value, column, place);
    }
    const members = column.children.map((it, at) =>
      at === member ? this.mark(it, place, 1) + this.read(value, it, place) : this.clear(it, place),
    );
    return own + members.join('');
  }

  /** Passes over a value that no column takes. */
  #skip(type: AvroSchema): string {
    switch (type.kind) {
      case 'null':
        return '';
      case 'boolean':
        return 'r.boolean();\n';
      case 'int':
      case 'long':
        return 'r.long();\n';
      case 'float':
        return 'r.skip(4);\n';
      case 'double':
        return 'r.skip(8);\n';
      case 'bytes':
      case 'string':
        return 'r.skipText();\n';
      case 'enum':
        return `r.symbol(${type.symbols.length});\n`;
      case 'fixed':
        return `r.skip(${type.sizeBytes});\n`;
      case 'union':
        return choice(type.branches.map((branch) => this.#skip(branch)));
      case 'record':
        return this.#calls(
          type.fields.map((field) => this.#skip(field.type)),
          '0',
        );
      case 'array':
        return this.#skipItems(this.#skip(type.items), bytesMin(type.items));
      case 'map':
        return this.#skipItems(
          `r.skipText();\n${this.#skip(type.values)}`,
          1 + bytesMin(type.values),
        );
      default:
        return unreachable(type);
    }
  }

  #skipItems(item: string, itemBytesMin: number): string {
    const block = `r.blockToSkip(${itemBytesMin})`;
    const name = this.define(
      `for (let k = ${block}; k > 0; k = ${block}) {\nfor (; k > 0; k -= 1) {\n${item}}\n}\n`,
    );
    return `${name}(0);\n`;
  }

  /** The parts, which have the place `n`, in functions of their own. */
  #calls(parts: readonly string[], place: string): string {
    let calls = '';
    for (let from = 0; from < parts.length; from += FIELDS_MAX) {
      calls += `${this.define(parts.slice(from, from + FIELDS_MAX).join(''))}(${place});\n`;
    }
    return calls;
  }

  #content(column: Column): string {
    return this.#slot(present(column.content, 'the values of a column'));
  }

  #slot(object: unknown): string {
    const name = this.#slots.get(object) ?? `x${this.#slots.size}`;
    this.#slots.set(object, name);
    return name;
  }
}

function choice(branches: readonly string[]): string {
  const cases = branches.map((code, index) => `case ${index}:\n${code}break;\n`);
  return `switch (r.branch(${branches.length})) {\n${cases.join('')}}\n`;
}

function child(column: Column, index: number): Column {
  return present(column.children[index], 'a column of a nested one');
}

/** The method of the column that takes such a value; one of the names in this function. */
function scalarMethod(writer: AvroScalar, reader: AvroScalar, type: DataType): string {
  const logical = reader.logical?.kind;
  if (logical === 'decimal') return writer.kind === 'fixed' ? 'decimalOfFixed' : 'decimal';
  if (type.kind === 'primitive' && type.name.startsWith('timestamp')) {
    // The writer knows its unit; where it names none, the reader's holds.
    const unit = writer.logical?.kind ?? logical ?? '';
    return unit.endsWith('millis') ? 'micros' : 'long';
  }
  const isWhole = writer.kind === 'int' || writer.kind === 'long';
  switch (type.kind === 'primitive' ? type.name : '') {
    case 'boolean':
      return 'boolean';
    case 'long':
      return 'long';
    case 'float':
      return isWhole ? 'floatOfLong' : 'float';
    case 'double':
      if (isWhole) return 'doubleOfLong';
      return writer.kind === 'float' ? 'doubleOfFloat' : 'double';
    case 'string':
      return 'text';
    case 'binary':
      return writer.kind === 'fixed' ? 'fixed' : 'binary';
    default:
      return 'int';
  }
}

/** The least bytes that a value takes. */
function bytesMin(type: AvroSchema): number {
  switch (type.kind) {
    case 'null':
      return 0;
    case 'float':
      return 4;
    case 'double':
      return 8;
    case 'fixed':
      return type.sizeBytes;
    case 'record':
      return type.fields.reduce((sum, field) => sum + bytesMin(field.type), 0);
    case 'union':
      return 1 + Math.min(...type.branches.map(bytesMin));
    default:
      return 1;
  }
}
