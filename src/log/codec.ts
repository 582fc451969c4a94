/**
 * Commits as bytes: one JSON object a line. PROTOCOL.md, "Delta Log Entries", "Actions".
 *
 *     {"commitInfo":{…}}\n
 *     {"add":{"path":"part-0.parquet",…}}\n
 */

import { isUtf8 } from 'node:buffer';

import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  messageOf,
  parseJson,
  printJson,
  unreachable,
} from '../base/index.ts';
import type { Action, CommitInfo } from './actions.ts';
import { AddLine } from './add-line.ts';
import { decodeAction } from './decode.ts';
import { logCorrupt } from './errors.ts';

/**
 * The actions of a commit in the order of its lines; `file` names it in errors. Unknown actions and members are kept,
 * and text that follows a line's JSON object is passed over, as some writers leave it. `LOG_CORRUPT` names the line,
 * and is thrown for a commit without any: one that was never finished. Spark passes over it, and so over whatever it
 * was to say.
 */
export function parseCommit(bytes: Uint8Array, file: string): Action[] {
  const actions: Action[] = [];
  forEachLine(bytes, (line, number) => {
    actions.push(...decodeAction(parseLine(line, file, number), file, number));
  });
  if (actions.length === 0) throw logCorrupt(file, EMPTY_COMMIT);
  return actions;
}

/** What becomes of the lines of a commit. */
export interface CommitVisitor {
  /** A plain add, which stands in `bytes`, also seen by `view`; false where it is to be taken as any other action. */
  readonly line: (line: AddLine, bytes: Buffer, view: DataView) => boolean;
  readonly action: (action: Action) => void;
}

/**
 * As `parseCommit`, line by line and without an object for plain adds. What was visited before an error stays visited.
 */
export function visitCommit(bytes: Uint8Array, file: string, visitor: CommitVisitor): void {
  if (!isUtf8(bytes)) {
    for (const action of parseCommit(bytes, file)) visitor.action(action);
    return;
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const line = new AddLine();
  let isEmpty = true;
  let start = 0;
  for (let number = 1; start < buffer.length; number += 1) {
    const next = line.read(buffer, view, start);
    if (next >= 0 && visitor.line(line, buffer, view)) {
      isEmpty = false;
      start = next;
      continue;
    }
    const newline = buffer.indexOf(NEWLINE, start);
    const end = newline === -1 ? buffer.length : newline;
    const text = buffer.toString('utf8', start, end).trim();
    start = end + 1;
    if (text === '') continue;
    isEmpty = false;
    for (const action of decodeAction(parseLine(text, file, number), file, number)) {
      visitor.action(action);
    }
  }
  if (isEmpty) throw logCorrupt(file, EMPTY_COMMIT);
}

const NEWLINE = 0x0a;

const EMPTY_COMMIT =
  'it is empty, so its writer never finished it; where nobody knows what it was to say, ' +
  'the line {"commitInfo":{}} makes it a commit that changes nothing';

/** The `commitInfo` of a commit, or null where it has none; other lines are not looked at when it comes first. */
export function parseCommitInfo(bytes: Uint8Array, file: string): CommitInfo | null {
  let found: CommitInfo | null = null;
  forEachLine(bytes, (line, number) => {
    if (!line.includes('"commitInfo"')) return true;
    const info = parseLine(line, file, number)['commitInfo'];
    if (isJsonObject(info)) found = info;
    return found === null;
  });
  return found;
}

/** The bytes of a commit; a long keeps every digit. */
export function printCommit(actions: readonly Action[]): Uint8Array {
  let text = '';
  for (const action of actions) text += `${printJson(actionJson(action))}\n`;
  return new TextEncoder().encode(text);
}

/** One action as the JSON object of its line. */
export function actionJson(action: Action): JsonObject {
  switch (action.kind) {
    case 'metaData':
      return {
        metaData: { ...action.metaData, format: { ...action.metaData.format } },
      };
    case 'protocol':
      return { protocol: { ...action.protocol } };
    case 'add':
      return { add: { ...action.add } };
    case 'remove':
      return { remove: { ...action.remove } };
    case 'txn':
      return { txn: { ...action.txn } };
    case 'domainMetadata':
      return { domainMetadata: { ...action.domainMetadata } };
    case 'commitInfo':
      return { commitInfo: action.commitInfo };
    case 'cdc':
      return { cdc: { ...action.cdc } };
    case 'unknown':
      return action.line;
    default:
      return unreachable(action);
  }
}

/** Calls `visit` for each line that is not blank, numbered from 1, until it returns false. */
function forEachLine(
  bytes: Uint8Array,
  visit: (line: string, number: number) => boolean | void,
): void {
  const text = new TextDecoder().decode(bytes);
  let start = 0;
  for (let number = 1; start < text.length; number += 1) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end).trim();
    if (line !== '' && visit(line, number) === false) return;
    start = end + 1;
  }
}

function parseLine(line: string, file: string, number: number): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(line);
  } catch (error) {
    const end = endOfObject(line);
    if (end === -1 || end === line.length) {
      throw logCorrupt(file, messageOf(error), { line: number, cause: error });
    }
    return parseLine(line.slice(0, end), file, number);
  }
  if (!isJsonObject(value)) throw logCorrupt(file, 'the line is no JSON object', { line: number });
  return value;
}

/** The index behind the brace that closes the object a line starts with, or −1. */
function endOfObject(line: string): number {
  if (!line.startsWith('{')) return -1;
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < line.length; index += 1) {
    const char = line[index];
    if (quoted) {
      if (char === '\\') index += 1;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{') depth += 1;
    else if (char === '}') {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return -1;
}
