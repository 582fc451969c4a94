/**
 * Java's regular expressions as the engine's (RE2): the part where both find the same, with the few signs that differ
 * written out. What RE2 lacks (look-around, back references, possessive quantifiers) is refused by name.
 */

import { expressionUnsupported } from './errors.ts';

const LINE_ENDS = '\\n\\r\\x{85}\\x{2028}\\x{2029}';
const CLASS_ESCAPES = new Set('dDwWstnrf');
const GROUP_OPENERS = ['(?:', '('];

/** `endMatters`: whether the matched text itself is used, so that `$` may not take a line end with it. */
export function javaRegex(pattern: string, options: { readonly endMatters: boolean }): string {
  let result = '';
  let index = 0;
  while (index < pattern.length) {
    const char = pattern.charAt(index);
    if (char === '\\') {
      result += escaped(pattern, index, '[\\s\\x0B]');
      index += 2;
    } else if (char === '[') {
      const end = classEnd(pattern, index);
      result += characterClass(pattern, index, end);
      index = end + 1;
    } else if (char === '(') {
      const opener = GROUP_OPENERS.find((candidate) => pattern.startsWith(candidate, index)) ?? '(';
      if (opener === '(' && pattern.charAt(index + 1) === '?')
        throw refused(pattern, 'a special group');
      result += opener;
      index += opener.length;
    } else if ('*+?}'.includes(char) && pattern.charAt(index + 1) === '+') {
      throw refused(pattern, 'a possessive quantifier');
    } else {
      result += plain(pattern, char, options.endMatters);
      index += 1;
    }
  }
  return result;
}

function plain(pattern: string, char: string, endMatters: boolean): string {
  if (char === '.') return `[^${LINE_ENDS}]`;
  if (char !== '$') return char;
  if (endMatters) throw refused(pattern, '$, which may take a line end with it: write \\z');
  return `(?:(?:\\r\\n|[${LINE_ENDS}])?\\z)`;
}

function escaped(pattern: string, index: number, whitespace: string): string {
  const next = pattern.charAt(index + 1);
  if (next === 's') return whitespace;
  if (next === 'S') return '[^\\s\\x0B]';
  if (CLASS_ESCAPES.has(next) || next === 'z' || next === 'A') return `\\${next}`;
  if (/[^A-Za-z0-9\s]/.test(next)) return `\\${next}`;
  throw refused(pattern, `\\${next}`);
}

function classEnd(pattern: string, start: number): number {
  let index = start + 1;
  if (pattern.charAt(index) === '^') index += 1;
  if (pattern.charAt(index) === ']') throw refused(pattern, 'a class that begins with ]');
  for (; index < pattern.length; index += 1) {
    const char = pattern.charAt(index);
    if (char === '\\') index += 1;
    else if (char === '[' || pattern.startsWith('&&', index))
      throw refused(pattern, 'nested classes');
    else if (char === ']') return index;
  }
  throw refused(pattern, 'a class that does not end');
}

function characterClass(pattern: string, start: number, end: number): string {
  let result = '';
  for (let index = start; index <= end; index += 1) {
    const char = pattern.charAt(index);
    if (char !== '\\') {
      result += char;
      continue;
    }
    if (pattern.charAt(index + 1) === 'S') throw refused(pattern, '\\S in a class');
    result += escaped(pattern, index, '\\s\\x0B');
    index += 1;
  }
  return result;
}

function refused(pattern: string, what: string): Error {
  return expressionUnsupported(`${what} in the regular expression ${JSON.stringify(pattern)}`);
}
