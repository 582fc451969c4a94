import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { RunMetrics } from '../../src/web/index.ts';
import { reportOf } from './reports.ts';

const clock = new ManualClock(1_795_000_000_000);

function open(): Promise<RunMetrics> {
  return RunMetrics.open(['capturar', 'somar'], { clock, stalledMs: 60_000 });
}

/** The samples of a job, by name. */
async function samples(metrics: RunMetrics, job: string): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n');
  const found = lines.flatMap((line): [string, number][] => {
    const [, name = '', labels = '', value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (value === undefined || !labels.includes(`job="${job}"`)) return [];
    const le = /le="([^"]+)"/.exec(labels)?.[1];
    return [[le === undefined ? name : `${name} ${le}`, Number(value)]];
  });
  return new Map(found.map(([name, value]) => [name.replace('deltawright_', ''), value]));
}

test('counts of batches add up by job, and what was seen last stands', async () => {
  const metrics = await open();
  const counts = {
    rowsIn: 10,
    bytes: 2000,
    duplicates: 2,
    inserted: 5,
    updated: 1,
    deleted: 1,
    posted: 3,
    rejectedRows: 2,
    rejectedFiles: 1,
    lostOffsets: 4,
  };
  metrics.report(reportOf('capturar', { batch: 0, backlog: 90, version: 3, timeMs: 700, counts }));
  metrics.report(reportOf('capturar', { batch: 1, backlog: 80, version: 4, timeMs: 40, counts }));
  metrics.report(reportOf('somar', { batch: 0, counts: { rowsIn: 1 } }));
  const found = await samples(metrics, 'capturar');
  expect(Object.fromEntries(found)).toMatchObject({
    rows_in_total: 20,
    bytes_in_total: 4000,
    duplicates_total: 4,
    inserted_total: 10,
    updated_total: 2,
    deleted_total: 2,
    posted_total: 6,
    rejected_rows_total: 4,
    rejected_files_total: 2,
    lost_offsets_total: 8,
    backlog: 80,
    table_version: 4,
    last_report_seconds: 1_795_000_000,
    batch_seconds_count: 2,
    batch_seconds_sum: 0.74,
    'batch_seconds_bucket 0.05': 1,
    'batch_seconds_bucket 1': 2,
  });
  expect((await samples(metrics, 'somar')).get('rows_in_total')).toBe(1);
});

test('a look that finds nothing is no batch, and leaves the version as it was', async () => {
  const metrics = await open();
  metrics.report(reportOf('somar', { batch: 0, version: 7 }));
  metrics.report(reportOf('somar', { backlog: 3 }));
  const found = await samples(metrics, 'somar');
  expect(found.get('batch_seconds_count')).toBe(1);
  expect(found.get('table_version')).toBe(7);
  expect(found.get('backlog')).toBe(3);
});

test('two runs in one process do not share their numbers', async () => {
  const [one, other] = [await open(), await open()];
  one.report(reportOf('somar', { batch: 0, counts: { rowsIn: 1 } }));
  expect((await samples(other, 'somar')).size).toBe(0);
});

test('the README lists each metric', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const names = [...(await (await open()).text()).matchAll(/^# TYPE (\w+)/gm)];
  expect(names.length).toBeGreaterThan(10);
  const missing = names.filter(([, name = '']) => !readme.includes(`\`${name}\``));
  expect(missing.map(([, name]) => name)).toEqual([]);
});
