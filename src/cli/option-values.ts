/** Values of options on the command line, parsed. */

import { InvalidArgumentError } from 'commander';

import type { NewColumnSpec } from '../table/index.ts';

/** Words between commas. */
export function list(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}

/** One more of an option that may be given again. */
export function again(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** Errors: a usage error for anything else. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('a whole number is wanted');
  }
  return value;
}

/** Hours, whole or not; as above. */
export function hours(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('hours are wanted');
  return value;
}

/** Seconds, whole or not; as above. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0)) throw new InvalidArgumentError('seconds are wanted');
  return value;
}

/** `[host:]port`; as above. */
export function hostAndPort(text: string): { readonly host?: string; readonly port: number } {
  const [, host, port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw new InvalidArgumentError('a port is wanted, possibly after an address: 0.0.0.0:8080');
  }
  return { ...(host === undefined ? {} : { host }), port: Number(port) };
}

/** One more column: `n bigint`, `a.zip string after city`, `n int first`. */
export function added(text: string, before: readonly NewColumnSpec[]): readonly NewColumnSpec[] {
  const parts = /^((?:`[^`]+`|[^\s`])+)\s+(.+?)(?:\s+(first)|\s+after\s+(\S+))?$/i.exec(
    text.trim(),
  );
  const [, column, type, first, after] = parts ?? [];
  if (column === undefined || type === undefined) {
    throw new InvalidArgumentError('a column is NAME TYPE, and FIRST or AFTER another if wanted.');
  }
  const position = first === undefined ? (after === undefined ? null : { after }) : 'first';
  return [...before, { column, type, ...(position === null ? {} : { position }) }];
}

/** One more `key=value`; the value may be empty, and have signs of equality in it. */
export function property(
  text: string,
  before: Record<string, string> = {},
): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('key=value is wanted');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}
