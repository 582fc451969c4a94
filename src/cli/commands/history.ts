/** `history`: the commits of a table, newest first. */

import { isJsonObject, isoTime, printJson } from '../../base/index.ts';
import type { Row } from '../../schema/index.ts';
import type { HistoryEntry } from '../../table/index.ts';
import { openEnvironment } from '../environment.ts';
import { printObject, printRows, WIDE } from '../output.ts';
import type { CommonOptions } from '../program.ts';

export interface HistoryCommandOptions extends CommonOptions {
  readonly limit?: number;
}

export async function run(text: string, options: HistoryCommandOptions): Promise<void> {
  const environment = await openEnvironment(options, `reading the log of ${text}`);
  try {
    const table = await environment.openTable(text);
    const entries = await table.history(
      options.limit === undefined ? {} : { limit: options.limit },
    );
    if (options.json === true) {
      for (const { version, timestampMs, commitInfo } of entries) {
        await printObject({ version, time: isoTime(timestampMs), ...commitInfo });
      }
      return;
    }
    await printRows(['version', 'time', 'operation', 'engine', 'metrics'], rows(entries), WIDE);
  } finally {
    await environment.close();
  }
}

async function* rows(entries: readonly HistoryEntry[]): AsyncGenerator<Row> {
  for (const { version, timestampMs, operation, commitInfo } of entries) {
    const { engineInfo, operationMetrics } = commitInfo;
    yield {
      version,
      time: isoTime(timestampMs),
      operation,
      engine: typeof engineInfo === 'string' ? engineInfo : null,
      metrics: isJsonObject(operationMetrics)
        ? Object.entries(operationMetrics)
            .map(
              ([name, value]) =>
                `${name}=${typeof value === 'string' ? value : printJson(value ?? null)}`,
            )
            .join(' ')
        : '',
    };
  }
}
