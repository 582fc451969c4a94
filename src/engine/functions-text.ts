/** Functions of text and of its digests. */

import { BINARY, BOOLEAN, INTEGER, STRING } from '../schema/index.ts';
import { type Call, type FunctionTable, unary } from './function-call.ts';
import { literal } from './quote.ts';
import { javaRegex } from './regex.ts';
import { is } from './type-rules.ts';
import { constant, type Typed, typed } from './typed.ts';

/**
 * Letters that become several in upper case; the engine's `upper` knows only one for one. It takes milliseconds: too long
 * for every process that loads this file.
 */
function upperBySeveral(): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (let code = 0x80; code < 0xffff; code += 1) {
    const char = String.fromCharCode(code);
    const upper = char.toUpperCase();
    if (upper.length > 1) result.set(char, upper);
  }
  return result;
}

function upper(call: Call): Typed {
  const arg = call.count(1).text(0);
  const several = upperBySeveral();
  const letters = [...several.keys()].join('');
  const sql = call.binder.bind(arg.sql, (t) => {
    const spelt = [...several].reduce(
      (text, [from, to]) => `replace(${text}, '${from}', '${to}')`,
      t,
    );
    return `CASE WHEN regexp_matches(${t}, '[${letters}]') THEN upper(${spelt}) ELSE upper(${t}) END`;
  });
  return typed(sql, STRING, arg);
}

/** A sigma that ends a word and a dotted capital I have lower-case forms of their own. */
function lower(call: Call): Typed {
  const arg = call.count(1).text(0);
  const sql = call.binder.bind(
    arg.sql,
    (t) =>
      `CASE WHEN regexp_matches(${t}, '[Σİ]') THEN lower(replace(regexp_replace(` +
      `${t}, '(\\pL)Σ(\\PL|\\z)', '\\1ς\\2', 'g'), 'İ', 'i̇')) ELSE lower(${t}) END`,
  );
  return typed(sql, STRING, arg);
}

function trimmed(native: 'trim' | 'ltrim' | 'rtrim', charsMax: 1 | 2): (call: Call) => Typed {
  return (call) => {
    const arg = call.count(1, charsMax).text(0);
    if (call.args.length === 1) return typed(`${native}(${arg.sql}, ' ')`, STRING, arg);
    const chars = call.text(1);
    return typed(`${native}(${arg.sql}, ${chars.sql})`, STRING, arg, chars);
  };
}

function length(native: 'length' | 'strlen', factor = 1): (call: Call) => Typed {
  return (call) => {
    const arg = call.count(1).at(0);
    if (is(arg.type, 'binary')) {
      return typed(`CAST(octet_length(${arg.sql}) * ${String(factor)} AS INTEGER)`, INTEGER, arg);
    }
    const text = call.text(0);
    return typed(`CAST(${native}(${text.sql}) * ${String(factor)} AS INTEGER)`, INTEGER, text);
  };
}

/** One-based; zero counts as one; negative counts from the end, and what lies before the start is cut off. */
function substring(call: Call): Typed {
  const arg = call.count(2, 3).text(0);
  const start = call.as(1, INTEGER);
  const size = call.args.length === 3 ? call.as(2, INTEGER) : constant(2_147_483_647, INTEGER);
  const sql = call.binder.bindAll([arg.sql, start.sql, size.sql], ([t = '', p = '', n = '']) => {
    const from = `CASE WHEN ${p} > 0 THEN ${p}::BIGINT - 1 WHEN ${p} < 0 THEN length(${t}) + ${p} ELSE 0 END`;
    return call.binder.bind(`(${from})`, (f) => {
      const end = `least(${f} + ${n}, length(${t}))`;
      return `substring(${t}, greatest(${f}, 0) + 1, greatest(${end} - greatest(${f}, 0), 0))`;
    });
  });
  return typed(sql, STRING, arg, start, size);
}

function concat(call: Call): Typed {
  if (call.args.length === 0) return constant('', STRING);
  const arrays = call.args.every((arg) => arg.type.kind === 'array');
  const binary = call.args.every((arg) => is(arg.type, 'binary'));
  if (arrays) throw call.refused('arrays');
  const args = binary ? call.args : call.args.map((_, index) => call.text(index));
  return typed(`(${args.map((arg) => arg.sql).join(' || ')})`, binary ? BINARY : STRING, ...args);
}

function concatWithSeparator(call: Call): Typed {
  const args = call.count(1, Number.MAX_SAFE_INTEGER).args.map((_, index) => call.text(index));
  return typed(`concat_ws(${args.map((arg) => arg.sql).join(', ')}, NULL)`, STRING, ...args);
}

function replaced(call: Call): Typed {
  const args = call.count(2, 3).args.map((_, index) => call.text(index));
  const [text, search, by = constant('', STRING)] = args;
  return typed(`replace(${text?.sql ?? ''}, ${search?.sql ?? ''}, ${by.sql})`, STRING, ...args);
}

function splitPart(call: Call): Typed {
  const text = call.count(3).text(0);
  const delimiter = call.literalText(1);
  const part = call.literalInteger(2, 1);
  if (delimiter === null) return constant(null, STRING);
  if (delimiter === '' || part === 0) throw call.refused('an empty delimiter or part 0');
  return typed(`split_part(${text.sql}, ${literal(delimiter)}, ${String(part)})`, STRING, text);
}

function test(native: 'starts_with' | 'ends_with' | 'contains'): (call: Call) => Typed {
  return (call) => {
    const [text, part] = [call.count(2).text(0), call.text(1)];
    return typed(`${native}(${text.sql}, ${part.sql})`, BOOLEAN, text, part);
  };
}

function position(text: Typed, part: Typed): Typed {
  return typed(`CAST(instr(${text.sql}, ${part.sql}) AS INTEGER)`, INTEGER, text, part);
}

function padded(native: 'lpad' | 'rpad'): (call: Call) => Typed {
  return (call) => {
    const [text, size] = [call.count(2, 3).text(0), call.as(1, INTEGER)];
    const pad = call.args.length === 3 ? call.literalText(2) : ' ';
    if (pad === null) return constant(null, STRING);
    if (pad === '') throw call.refused('an empty pad');
    const sql = `${native}(${text.sql}, greatest(${size.sql}, 0), ${literal(pad)})`;
    return typed(sql, STRING, text, size);
  };
}

function end(native: 'left' | 'right'): (call: Call) => Typed {
  return (call) => {
    const [text, size] = [call.count(2).text(0), call.as(1, INTEGER)];
    return typed(`${native}(${text.sql}, greatest(${size.sql}, 0))`, STRING, text, size);
  };
}

function repeated(call: Call): Typed {
  const [text, times] = [call.count(2).text(0), call.as(1, INTEGER)];
  return typed(`repeat(${text.sql}, greatest(${times.sql}, 0))`, STRING, text, times);
}

function bytes(call: Call): Typed {
  const arg = call.count(1, 2).at(0);
  if (is(arg.type, 'binary')) return arg;
  const text = call.text(0);
  return typed(`encode(${text.sql})`, BINARY, text);
}

function digest(native: 'md5' | 'sha1' | 'sha256', argsMax = 1): (call: Call) => Typed {
  return (call) => {
    const arg = call.count(1, argsMax).at(0);
    const input = is(arg.type, 'binary') ? arg : call.text(0);
    return typed(`${native}(${input.sql})`, STRING, input);
  };
}

function sha2(call: Call): Typed {
  const bits = call.count(2).literalInteger(1, 256);
  if (bits !== 0 && bits !== 256) throw call.refused(`${String(bits)} bits`);
  return digest('sha256', 2)(call);
}

function matches(call: Call): Typed {
  const text = call.count(2).text(0);
  const pattern = call.literalText(1);
  if (pattern === null) return constant(null, BOOLEAN);
  const regex = javaRegex(pattern, { endMatters: false });
  return typed(`regexp_matches(${text.sql}, ${literal(regex)})`, BOOLEAN, text);
}

function extracted(call: Call): Typed {
  const text = call.count(2, 3).text(0);
  const pattern = call.literalText(1);
  const group = call.literalInteger(2, 1);
  if (pattern === null) return constant(null, STRING);
  const groups = (javaRegex(pattern, { endMatters: false }).match(/(?<!\\)\((?!\?)/g) ?? []).length;
  if (group < 0 || group > groups)
    throw call.refused(`group ${String(group)} of ${String(groups)}`);
  const regex = javaRegex(pattern, { endMatters: group === 0 });
  return typed(`regexp_extract(${text.sql}, ${literal(regex)}, ${String(group)})`, STRING, text);
}

function regexReplaced(call: Call): Typed {
  const text = call.count(3).text(0);
  const [pattern, by] = [call.literalText(1), call.literalText(2)];
  if (pattern === null || by === null) return constant(null, STRING);
  const regex = javaRegex(pattern, { endMatters: true });
  if (/\\/.test(by)) throw call.refused('a replacement with a backslash');
  const template = by.replace(/\$(\d)/g, '\\$1');
  if (template.includes('$')) throw call.refused('a replacement with a lone $');
  return typed(
    `regexp_replace(${text.sql}, ${literal(regex)}, ${literal(template)}, 'g')`,
    STRING,
    text,
  );
}

function translated(call: Call): Typed {
  const args = call.count(3).args.map((_, index) => call.text(index));
  return typed(`translate(${args.map((arg) => arg.sql).join(', ')})`, STRING, ...args);
}

export const FUNCTIONS_OF_TEXT: FunctionTable = {
  bit_length: length('strlen', 8),
  btrim: trimmed('trim', 2),
  char_length: length('length'),
  character_length: length('length'),
  concat,
  concat_ws: concatWithSeparator,
  contains: test('contains'),
  endswith: test('ends_with'),
  instr: (call) => position(call.count(2).text(0), call.text(1)),
  lcase: lower,
  left: end('left'),
  len: length('length'),
  length: length('length'),
  locate: (call) => position(call.count(2).text(1), call.text(0)),
  lower,
  lpad: padded('lpad'),
  ltrim: trimmed('ltrim', 1),
  md5: digest('md5'),
  octet_length: length('strlen'),
  position: (call) => position(call.count(2).text(1), call.text(0)),
  regexp: matches,
  regexp_extract: extracted,
  regexp_like: matches,
  regexp_replace: regexReplaced,
  repeat: repeated,
  replace: replaced,
  reverse: unary('reverse', STRING, STRING),
  right: end('right'),
  rpad: padded('rpad'),
  rtrim: trimmed('rtrim', 1),
  sha: digest('sha1'),
  sha1: digest('sha1'),
  sha2,
  split_part: splitPart,
  startswith: test('starts_with'),
  substr: substring,
  substring,
  to_binary: (call) => {
    if (call.count(2).literalText(1)?.toLowerCase() !== 'utf-8')
      throw call.refused('this encoding');
    return bytes(call);
  },
  translate: translated,
  trim: trimmed('trim', 1),
  ucase: upper,
  upper,
};
