/** The words of Spark's SQL, as types and expressions share them. */

import type { DeltaError } from '../base/index.ts';

export interface Token {
  /** `word` is a bare name or keyword, `name` one in back quotes; a `string` has its escapes resolved. */
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'symbol' | 'end';
  readonly text: string;
  /** Offset of the first character, from 0. */
  readonly start: number;
  /** Offset after the last character. */
  readonly end: number;
}

/** Builds the error of the caller's own code; `position` counts characters from 1. */
export type SyntaxFailure = (text: string, position: number, reason: string) => DeltaError;

const BLANK = /(?:\s|--[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const NUMBER = /(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?:[bB][dD]|[lLsSyYfFdD])?(?![\p{L}\d_])/uy;
const WORD = /[\p{L}\d_]+/uy;
const NAME = /`((?:[^`]|``)*)`/y;
const STRING = /'(?<single>(?:[^'\\]|\\[\s\S]|'')*)'|"(?<double>(?:[^"\\]|\\[\s\S]|"")*)"/y;
const RAW_STRING = /[rR](?:'(?<single>[^']*)'|"(?<double>[^"]*)")/y;
const SYMBOL = /<=>|<=|>=|<>|!=|==|\|\||::|[-+*/%<>=!&|^~()[\],.:]/y;

/** Longer texts are refused: they come from outside, and what reads them is recursive. */
export const TEXT_CHARS_MAX = 1_000_000;

/** Splits `text` into tokens, comments left out; the last one is `end`. */
export function tokenize(text: string, failure: SyntaxFailure): readonly Token[] {
  if (text.length > TEXT_CHARS_MAX) {
    throw failure(text, 1, `it is longer than ${String(TEXT_CHARS_MAX)} characters`);
  }
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += match(BLANK, text, at)?.[0].length ?? 0;
    if (at >= text.length) break;
    if (text.startsWith('/*', at)) throw failure(text, at + 1, 'the comment is not closed');
    const token = readToken(text, at);
    if (token === null) throw failure(text, at + 1, describeStray(text.charAt(at)));
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length });
  return tokens;
}

/** Walks over tokens; every refusal names the position and what was expected there. */
export class TokenReader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #failure: SyntaxFailure;
  #index = 0;

  constructor(text: string, failure: SyntaxFailure) {
    this.#text = text;
    this.#tokens = tokenize(text, failure);
    this.#failure = failure;
  }

  /** The token `ahead` places from here; the end where there is none. */
  peek(ahead = 0): Token {
    const token = this.#tokens[this.#index + ahead] ?? this.#tokens.at(-1);
    if (token === undefined) throw this.fail('an expression');
    return token;
  }

  next(): Token {
    const token = this.peek();
    this.#index += 1;
    return token;
  }

  /** True where the next token is this keyword, in any case; `keyword` is in lower case. */
  isWord(keyword: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'word' && token.text.toLowerCase() === keyword;
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'symbol' && token.text === symbol;
  }

  acceptWord(keyword: string): boolean {
    const found = this.isWord(keyword);
    if (found) this.#index += 1;
    return found;
  }

  acceptSymbol(symbol: string): boolean {
    const found = this.isSymbol(symbol);
    if (found) this.#index += 1;
    return found;
  }

  expectWord(keyword: string): void {
    if (!this.acceptWord(keyword)) throw this.fail(keyword.toUpperCase());
  }

  expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.fail(`"${symbol}"`);
  }

  expectString(what: string): string {
    const token = this.peek();
    if (token.kind !== 'string') throw this.fail(what);
    return this.next().text;
  }

  /** A name: a bare word or one in back quotes. */
  expectName(what: string): string {
    const token = this.peek();
    if (token.kind !== 'word' && token.kind !== 'name') throw this.fail(what);
    return this.next().text;
  }

  expectEnd(): void {
    if (this.peek().kind !== 'end') throw this.fail('the end');
  }

  /** What was read from `first` on, letter by letter. */
  textFrom(first: Token): string {
    const last = this.#tokens[this.#index - 1];
    return this.#text.slice(first.start, last?.end ?? first.start);
  }

  /** The error for the next token not being `expected`. */
  fail(expected: string): DeltaError {
    const token = this.#tokens[this.#index];
    const found =
      token === undefined || token.kind === 'end'
        ? 'the end'
        : JSON.stringify(this.#text.slice(token.start, token.end));
    return this.refuse(`expected ${expected}, found ${found}`);
  }

  /** An error at the next token, or at `token`, with a reason of its own. */
  refuse(reason: string, token: Token | undefined = this.#tokens[this.#index]): DeltaError {
    return this.#failure(this.#text, (token?.start ?? this.#text.length) + 1, reason);
  }
}

function readToken(text: string, at: number): Token | null {
  const string = readString(text, at);
  if (string !== null) return string;
  const number = match(NUMBER, text, at);
  if (number !== null) return make('number', number[0], at, number[0].length);
  const word = match(WORD, text, at);
  if (word !== null) return make('word', word[0], at, word[0].length);
  const name = match(NAME, text, at);
  if (name !== null) {
    return make('name', (name[1] ?? '').replaceAll('``', '`'), at, name[0].length);
  }
  const symbol = match(SYMBOL, text, at);
  return symbol === null ? null : make('symbol', symbol[0], at, symbol[0].length);
}

function readString(text: string, at: number): Token | null {
  const raw = match(RAW_STRING, text, at);
  if (raw !== null) {
    return make('string', raw.groups?.single ?? raw.groups?.double ?? '', at, raw[0].length);
  }
  const string = match(STRING, text, at);
  if (string === null) return null;
  const { single, double } = string.groups ?? {};
  const body = single ?? double ?? '';
  return make('string', unescape(body, single === undefined ? '""' : "''"), at, string[0].length);
}

const ESCAPE = /''|""|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([0-1][0-7]{2})|\\([\s\S])/g;
const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\u001A',
  // A pattern of LIKE keeps its own escapes.
  '%': '\\%',
  _: '\\_',
};

/** Spark's escapes; `doubled` is the quote that stands for itself when written twice. */
function unescape(body: string, doubled: string): string {
  return body.replace(
    ESCAPE,
    (whole: string, short?: string, long?: string, octal?: string, other?: string) => {
      if (short !== undefined) return String.fromCharCode(Number.parseInt(short, 16));
      if (long !== undefined) return fromCodePoint(Number.parseInt(long, 16)) ?? whole;
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      if (other !== undefined) return NAMED_ESCAPES[other] ?? other;
      return whole === doubled ? whole.charAt(0) : whole;
    },
  );
}

function fromCodePoint(codePoint: number): string | null {
  return codePoint > 0x10_ffff ? null : String.fromCodePoint(codePoint);
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function make(kind: Token['kind'], text: string, start: number, length: number): Token {
  return { kind, text, start, end: start + length };
}

function describeStray(character: string): string {
  if (character === "'" || character === '"') return 'the text is not closed by a quote';
  if (character === '`') return 'the name is not closed by a back quote';
  return `the character ${JSON.stringify(character)} does not belong here`;
}
