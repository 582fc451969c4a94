/**
 * A million rows are merged into fifty million under `maxMemory: '512 MB'`, half of them updates in all files: the process that
 * merges has at no moment more than 900 MB of memory, and DuckDB's own Delta reader finds the rows that the rules below ask for.
 *
 *   node scripts/prove/memory.ts [--rows 50000000] [--merged 1000000] [--limit-mb 900]
 *
 * The target, some 3 GB, is made once below PROVE_WORK (default: ~/.cache/deltawright-prove).
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertTable, openTable } from 'deltawright';
import { fail, peerPython } from './judge.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '50000000' },
    merged: { type: 'string', default: '1000000' },
    'limit-mb': { type: 'string', default: '900' },
  },
});
const rowCount = Number(values.rows);
const mergedCount = Number(values.merged);
const updatedCount = mergedCount / 2;
const FILE_ROWS = 250_000;
const scripts = new URL('../', import.meta.url).pathname;
const work = process.env['PROVE_WORK'] ?? join(homedir(), '.cache/deltawright-prove');

/** The columns of a row are functions of its id and of whether the merge brought it. */
const columns = (merge: 0 | 1): string => {
  const mixed = (factor: number, modulus: number): string =>
    `((id * ${factor} + ${merge}) % ${modulus})`;
  return [
    'id',
    `'Nome ' || ${mixed(2_654_435, 64_000)} || ' de Souza' AS nome`,
    `CASE WHEN id % 50 <> 7 THEN 'pessoa.' || id || '@example.com' END AS email`,
    `'Cidade ' || ${mixed(48_271, 150)} AS cidade`,
    `substr('ACALAPAMBACEDFESGOMAMTMSMGPAPBPRPEPIRJRNRSRORRSCSPSETO', 1 + 2 * ${mixed(69_621, 27)}, 2) AS uf`,
    `(16 + ${mixed(16_807, 79)})::INTEGER AS idade`,
    `make_timestamp(1420070400000000 + ${mixed(7_919_777, 283_824_000_000_000)})::TIMESTAMPTZ AS data_cadastro`,
    `(${mixed(611_953, 9_999_999)} / 100)::DECIMAL(12,2) AS saldo`,
    `id % 5 <> 0 AS ativo`,
    `make_timestamp(1717200000000000 + ${String(merge)} * 3600000000 + id)::TIMESTAMPTZ AS updated_at`,
  ].join(', ');
};

/** Ids that are spread over the whole target, in no order, and as many new ones. */
const updatedIds = `SELECT range * ${rowCount / updatedCount} + 3 AS id FROM range(${updatedCount})`;
const newIds = `SELECT ${rowCount} + range AS id FROM range(${mergedCount - updatedCount})`;

if (positionals[0] === 'merge') await mergeHere(positionals[1] ?? '', positionals[2] ?? '');
else await prove();

/** What the process that is measured does. */
async function mergeHere(uri: string, source: string): Promise<void> {
  const table = await openTable(uri);
  const { inserted, updated } = await table.merge({
    source: { parquet: [source] },
    on: 't.id = s.id',
    whenMatched: [{ update: '*' }],
    whenNotMatched: [{ insert: '*' }],
    maxMemory: '512 MB',
  });
  await table.close();
  console.log(JSON.stringify({ inserted, updated, peakMb: peakMb(), cpuSeconds: cpuSeconds() }));
}

/** The most memory that this process ever had, as the system counted it. */
function peakMb(): number {
  const [, kilobytes = ''] =
    /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function prove(): Promise<void> {
  const [target, source] = [
    join(work, `target-${rowCount}`),
    join(work, `source-${rowCount}-${mergedCount}.parquet`),
  ];
  await ensureInputs(target, source);
  const merged = join(work, 'merged');
  rmSync(merged, { recursive: true, force: true });
  run('cp', ['-rl', target, merged]);
  try {
    const script = new URL(import.meta.url).pathname;
    const result = JSON.parse(run(process.execPath, [script, 'merge', merged, source])) as {
      readonly inserted: number;
      readonly updated: number;
      readonly peakMb: number;
      readonly cpuSeconds: number;
    };
    if (result.updated !== updatedCount)
      fail(`${result.updated} rows updated, not ${updatedCount}`);
    if (result.inserted !== mergedCount - updatedCount) fail(`${result.inserted} rows inserted`);
    checkRows(merged);
    console.log(
      `${mergedCount} rows merged into ${rowCount} under 512 MB: rows right, ` +
        `${result.peakMb.toFixed(0)} MB at most, ${result.cpuSeconds.toFixed(0)} s of CPU`,
    );
    if (result.peakMb > Number(values['limit-mb'])) fail(`more than ${values['limit-mb']} MB`);
  } finally {
    rmSync(merged, { recursive: true, force: true });
  }
}

async function ensureInputs(target: string, source: string): Promise<void> {
  if (!existsSync(join(target, '_delta_log'))) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    const copies: string[] = [];
    for (let start = 0; start < rowCount; start += FILE_ROWS) {
      const file = join(target, `part-${String(start / FILE_ROWS).padStart(5, '0')}.parquet`);
      const end = Math.min(rowCount, start + FILE_ROWS);
      copies.push(
        copyOf(`${columns(0)} FROM (SELECT range AS id FROM range(${start}, ${end}))`, file),
      );
    }
    duck(copies);
    await (await convertTable(target)).close();
  }
  if (existsSync(source)) return;
  const ids = `SELECT id FROM (${updatedIds} UNION ALL ${newIds}) ORDER BY id * 7919 % 1000003`;
  duck([copyOf(`${columns(1)} FROM (${ids})`, source)]);
}

function copyOf(select: string, file: string): string {
  return `COPY (SELECT ${select}) TO '${file}' (FORMAT parquet, CODEC snappy)`;
}

/** Count and checksum of what the table has, and of what it must have. */
function checkRows(uri: string): void {
  const summary = (rows: string): string =>
    `SELECT count(*)::VARCHAR, sum(hash(t))::VARCHAR FROM (${rows}) AS t`;
  const stays = `SELECT range AS id FROM range(${rowCount}) ANTI JOIN (${updatedIds}) AS u ON range = u.id`;
  const expected = `SELECT ${columns(0)} FROM (${stays}) UNION ALL SELECT ${columns(1)} FROM (${updatedIds} UNION ALL ${newIds})`;
  const [found, wanted] = [
    duck([summary(`SELECT * FROM delta_scan('${uri}')`)]),
    duck([summary(expected)]),
  ];
  if (found !== wanted) fail(`the rows are wrong: ${found}, not ${wanted}`);
}

/** Runs statements by the peer; the rows of the last one as text. */
function duck(statements: readonly string[]): string {
  const source =
    `connection = duck()\nconnection.execute("SET memory_limit = '4GB'")\n` +
    `for statement in ${JSON.stringify(statements)}:\n    answer = connection.execute(statement).fetchall()\n`;
  const request = JSON.stringify({ op: 'program', source });
  const answer = run(peerPython(), [`${scripts}engines/peers.py`], request);
  const { error, answer: rows } = JSON.parse(answer) as {
    readonly error?: string;
    readonly answer?: unknown;
  };
  if (error !== undefined) fail(error);
  return JSON.stringify(rows);
}

/** What a command prints. */
function run(command: string, args: readonly string[], input = ''): string {
  const done = spawnSync(command, args, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (done.status !== 0) fail(`${command} ${args.join(' ')} ended with ${String(done.status)}`);
  return done.stdout.trim();
}
