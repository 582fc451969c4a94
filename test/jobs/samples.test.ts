import { cp } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import config from '../../fixtures/deltawright.config.ts';
import type { ConfigInput } from '../../src/jobs/index.ts';
import type { Row, RowValue } from '../../src/schema/index.ts';
import { JobBench } from './bench.ts';

const SAMPLES = new URL('../../fixtures/amostras', import.meta.url).pathname;

/** The shipped configuration, over a copy of its samples. */
function movedTo(folder: string): ConfigInput {
  const jobs = Object.entries(config.jobs).flatMap(([name, job]) =>
    name.startsWith('usuario') && job.source.kind === 'files'
      ? [[name, { ...job, source: { ...job.source, location: folder } }]]
      : [],
  );
  return {
    ...config,
    lake: { location: 'lake' },
    jobs: Object.fromEntries(jobs) as typeof config.jobs,
  };
}

/** What each user is called by the newest event, names compared by their bytes where times are equal. */
function newestNames(events: readonly Row[]): [unknown, unknown][] {
  const newest = new Map<unknown, { readonly order: string; readonly name: unknown }>();
  for (const event of events) {
    const user = event['codigo_usuario'];
    if (user === null) continue;
    const name = Buffer.from(textOf(event['nome_usuario']), 'utf8').toString('hex');
    const order = `${textOf(event['data_hora_evento'])} ${name}`;
    const known = newest.get(user);
    if (known === undefined || order > known.order) {
      newest.set(user, { order, name: event['nome_usuario'] });
    }
  }
  return [...newest].map(([user, { name }]) => [user, name]);
}

function textOf(value: RowValue | undefined): string {
  if (typeof value !== 'string') throw new Error('the samples have a text there');
  return value;
}

test('the shipped pipeline takes the shipped samples: events once, newest names, the broken listed', async () => {
  const bench = await JobBench.open(movedTo('samples'));
  try {
    await cp(SAMPLES, join(bench.folder, 'samples'), { recursive: true });
    expect(await bench.run('usuario-evento')).toMatchObject({
      batches: 1,
      files: 4,
      rejectedRows: 3,
      deferredFiles: 1,
    });
    expect(await bench.run('usuario-evento')).toMatchObject({ files: 0, rejectedFiles: 1 });
    expect(await bench.run('usuario-merge')).toMatchObject({ rejectedRows: 4, updated: 0 });

    const events = await bench.rows('usuario_evento_delta');
    expect(new Set(events.map((row) => row['id'])).size).toBe(events.length);
    const sorted = (pairs: readonly (readonly unknown[])[]): string[] =>
      pairs.map((pair) => JSON.stringify(pair)).sort();
    expect(sorted(await bench.pairs('usuario_delta'))).toEqual(sorted(newestNames(events)));
  } finally {
    await bench.close();
  }
});
