/**
 * How far a source that reads a sink's log has come: a run that starts anew then reads neither log from its beginning.
 * `source-position.json` in the checkpoint directory; Spark does not look at it. It is a hint: where it is lost, both logs
 * are read as a whole once.
 */

import { isJsonObject, type JsonValue, parseJson, printJson } from '../base/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { LOG_START, type LogPosition } from './compact-log.ts';
import { readText } from './write-once.ts';

const FILE = 'source-position.json';

export interface SourcePosition {
  /** In the log of the source. */
  readonly source: LogPosition;
  /** In the log of the sink: every file up to there is in the log of the source. */
  readonly sink: LogPosition;
}

export const SOURCE_START: SourcePosition = { source: LOG_START, sink: LOG_START };

export async function readSourcePosition(checkpoint: ObjectStore): Promise<SourcePosition | null> {
  const text = await readText(checkpoint, FILE);
  return text === null ? null : parsePosition(text);
}

export async function writeSourcePosition(
  checkpoint: ObjectStore,
  position: SourcePosition,
): Promise<void> {
  const text = printJson({ source: { ...position.source }, sink: { ...position.sink } });
  await checkpoint.put(FILE, Buffer.from(text, 'utf8'), { kind: 'overwrite' });
}

function parsePosition(text: string): SourcePosition | null {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    // A torn hint is as good as none: both logs are read from their beginning.
    return null;
  }
  if (!isJsonObject(value)) return null;
  const source = parseLogPosition(value['source']);
  const sink = parseLogPosition(value['sink']);
  return source === null || sink === null ? null : { source, sink };
}

function parseLogPosition(value: JsonValue | undefined): LogPosition | null {
  if (!isJsonObject(value)) return null;
  const { offset, bodyBytes, lastLine } = value;
  const isPosition =
    typeof offset === 'number' && typeof bodyBytes === 'number' && typeof lastLine === 'string';
  return isPosition ? { offset, bodyBytes, lastLine } : null;
}
