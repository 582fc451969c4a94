/** A recount as files of JSON lines, for whoever compares tables with it: the rows are those of the pipeline's tables. */

import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

import type { Recount } from './recount.ts';

/** Lines that are written at once. */
const CHUNK_LINES = 10_000;

/**
 * Writes `detalhe.ndjson` (an event a line, its headers and fields by name, times in ISO 8601, `sent` the places where it
 * may stand), `relatorio.ndjson` and `rejeitados.ndjson` below `folder`, replacing what is there.
 */
export async function writeRecount(folder: string, counted: Recount): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeLines(join(folder, 'detalhe.ndjson'), detailRows(counted));
  await writeLines(
    join(folder, 'relatorio.ndjson'),
    counted.report.map((row) => ({
      ...row,
      data_hora_ultimo_evento: iso(row.data_hora_ultimo_evento),
    })),
  );
  await writeLines(join(folder, 'rejeitados.ndjson'), counted.deadLetters);
}

function* detailRows({ detail }: Recount): Generator<object, void> {
  for (const { event, sent } of detail.values()) {
    const { value, timeMs, late: _, ...headers } = event;
    const processed = iso(value.data_hora_processamento);
    yield { ...headers, time: iso(timeMs), ...value, data_hora_processamento: processed, sent };
  }
}

async function writeLines(path: string, rows: Iterable<object>): Promise<void> {
  const file = await open(path, 'w');
  try {
    let lines: string[] = [];
    for (const row of rows) {
      lines.push(`${JSON.stringify(row)}\n`);
      if (lines.length < CHUNK_LINES) continue;
      await file.write(lines.join(''));
      lines = [];
    }
    await file.write(lines.join(''));
  } finally {
    await file.close();
  }
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
