/**
 * Benchmarks against delta-rs and Spark in the same run: whole-process CPU seconds, wall seconds and peak memory, median of
 * the repetitions, and the ratio to the peer.
 *
 *   node scripts/bench.ts [append] [append-decode] [merge] [merge-vectors] [merge-narrow] [delete] [delete-vectors] [update]
 *     [row-group] [duplicates] [compact] [commits] [noop]
 *     [scan] [open-partition] [open-all] [open-json] [flat] [checkpoint] [bookkeeping] [kafka] [job] [job-more] [avro] [--reps 3]
 *     [--out FILE]
 *
 * Inputs are made once below BENCH_WORK (default: ~/.cache/deltawright-bench). `job` runs Spark and takes some minutes.
 */

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { rewriteBenchmarks } from './bench/rewrites.ts';

const root = new URL('..', import.meta.url).pathname;
const bench = join(root, 'scripts/bench');
const work = process.env['BENCH_WORK'] ?? join(homedir(), '.cache/deltawright-bench');
const inputs = join(work, 'inputs');
const run = join(work, 'run');

interface Measured {
  readonly wall: number;
  readonly cpu: number;
  readonly rss_mb: number;
  readonly code: number;
  readonly inner: Readonly<Record<string, unknown>> | null;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reps: { type: 'string', default: '3' }, out: { type: 'string' } },
});
const reps = Number(values.reps);

function capture(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const done = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${String(done.status)}`);
  return done.stdout.trim();
}

/** What was compiled is kept, as our command lets Node keep it, and as Python does by itself for the peers. */
const KEPT = { NODE_COMPILE_CACHE: join(work, 'compiled') };

function measure(command: readonly string[], env: NodeJS.ProcessEnv = {}): Measured {
  const result = JSON.parse(
    capture('python3', [`${bench}/measure.py`, ...command], { ...KEPT, ...env }),
  ) as Measured;
  if (result.code !== 0) throw new Error(`${command.join(' ')} ended with ${String(result.code)}`);
  return result;
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;
}

interface Side {
  readonly name: string;
  /** Brings the table into the state from which each repetition starts. */
  readonly prepare: () => void;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly reps?: number;
  /** How many things are done, where their number for each second of CPU says more. */
  readonly count?: number;
}

/** Runs the sides in turn, so that a busy moment of the machine meets all of them, and prints a row each. */
function compare(label: string, sides: readonly Side[]): void {
  const results = new Map<string, Measured[]>(sides.map((side) => [side.name, []]));
  for (let rep = 0; rep < reps; rep += 1) {
    for (const side of sides) {
      if (rep >= (side.reps ?? reps)) continue;
      side.prepare();
      results.get(side.name)?.push(measure(side.command, side.env));
    }
  }
  const rows = sides.map((side) => {
    const runs = results.get(side.name) ?? [];
    return {
      label,
      side: side.name,
      count: side.count ?? null,
      n: runs.length,
      cpu: median(runs.map((r) => r.cpu)),
      wall: median(runs.map((r) => r.wall)),
      mb: median(runs.map((r) => r.rss_mb)),
      perSecond: median(runs.map((r) => Number(r.inner?.['commits_per_s'] ?? Number.NaN))),
    };
  });
  const ours = rows[0];
  for (const row of rows) {
    const ratio =
      ours === undefined || row === ours
        ? ''
        : ` | ours/peer: cpu ${(ours.cpu / row.cpu).toFixed(3)} mem ${(ours.mb / row.mb).toFixed(3)}` +
          (Number.isNaN(row.perSecond)
            ? ''
            : ` rate ${(ours.perSecond / row.perSecond).toFixed(2)}`);
    const perCpu =
      row.count === null ? '' : ` ${(row.count / row.cpu / 1000).toFixed(1)} k per CPU s`;
    const rate = Number.isNaN(row.perSecond) ? perCpu : ` ${row.perSecond} commits/s`;
    console.log(
      `${label.padEnd(30)} ${row.side.padEnd(12)} n=${row.n} cpu ${row.cpu.toFixed(2)} s  wall ${row.wall.toFixed(2)} s  ${row.mb.toFixed(0)} MB${rate}${ratio}`,
    );
    if (values.out !== undefined) appendFileSync(values.out, `${JSON.stringify(row)}\n`);
  }
}

const python =
  capture('bash', [`${root}scripts/testbeds/python.sh`])
    .split('\n')
    .at(-1) ?? '';
const node = process.execPath;
const cli = [node, `${root}dist/cli/main.js`];
const peer = (...words: string[]): string[] => [python, `${bench}/peer_deltars.py`, ...words];
const program = (name: string, ...words: string[]): string[] => [
  node,
  `${bench}/programs/${name}.ts`,
  ...words,
];
const wipe = (...paths: string[]): void => {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
};
const clone = (from: string, to: string): void => {
  wipe(to);
  capture('cp', ['-rl', from, to]);
};
const table = (name: string): string => join(run, name);

function ensureInputs(): void {
  mkdirSync(inputs, { recursive: true });
  mkdirSync(run, { recursive: true });
  capture(python, [`${bench}/gen_usuarios.py`, inputs, '--sizes', 'M']);
  capture(python, [`${bench}/gen_eventos.py`, join(inputs, 'eventos')]);
  capture(python, [`${bench}/gen_ns.py`, join(inputs, 'M'), join(inputs, 'M_ns')]);
  if (!existsSync(join(inputs, 'target_M'))) {
    capture(python, [`${bench}/make_target.py`, join(inputs, 'M'), join(inputs, 'target_M')]);
  }
}

function appendOf(label: string, folder: string): void {
  const source = join(inputs, folder);
  compare(label, [
    {
      name: 'deltawright',
      prepare: () => wipe(table('append')),
      command: program('append', source, table('append')),
    },
    {
      name: 'delta-rs',
      prepare: () => wipe(table('append-peer')),
      command: peer('append', source, table('append-peer')),
    },
  ]);
  wipe(table('append'), table('append-peer'));
}

/** Output files may not span more of the keys than their inputs did: skipping must survive a merge. */
function merge(): void {
  const source = join(inputs, 'merge/M_uniform_100000.parquet');
  const target = join(inputs, 'target_M');
  compare('merge 100 k into 10 M', [
    {
      name: 'deltawright',
      prepare: () => clone(target, table('merge')),
      command: program('merge', source, table('merge')),
    },
    {
      name: 'delta-rs',
      prepare: () => clone(target, table('merge-peer')),
      command: peer('merge', source, table('merge-peer')),
    },
  ]);
  console.log(capture(node, [`${bench}/programs/key-ranges.ts`, target, table('merge')]));
  wipe(table('merge'), table('merge-peer'));
}

/** 1,000 files of 1,000 rows, packed into one in the codec that they have, and then read whole. */
function compact(): void {
  const target = join(inputs, 'target_small');
  if (!existsSync(target)) {
    capture(python, [`${bench}/gen_usuarios.py`, inputs, '--sizes', 'S']);
    capture(python, [`${bench}/make_target.py`, join(inputs, 'small'), target]);
  }
  compare('compact 1,000 small files', [
    {
      name: 'deltawright',
      prepare: () => clone(target, table('compact')),
      command: [...cli, 'optimize', table('compact')],
    },
    {
      name: 'delta-rs',
      prepare: () => clone(target, table('compact-peer')),
      command: peer('compact', table('compact-peer')),
    },
  ]);
  compare('scan of what was packed', [
    { name: 'deltawright', prepare: () => undefined, command: peer('scan', table('compact')) },
    { name: 'delta-rs', prepare: () => undefined, command: peer('scan', table('compact-peer')) },
  ]);
  wipe(table('compact'), table('compact-peer'));
}

/** A lake, samples and checkpoints of their own for the job `usuario-evento`. */
function jobEnvironment(name: string, samples: string): NodeJS.ProcessEnv {
  return { DELTAWRIGHT_LAKE: table(name), DELTAWRIGHT_SAMPLES: samples };
}

const runJob = (job: string): string[] => [
  ...cli,
  'run',
  job,
  '--json',
  '--config',
  join(root, 'fixtures/deltawright.config.ts'),
];

/** A folder of samples that holds `base` and, after it, `more`. */
function samplesOf(name: string, ...folders: string[]): string {
  const target = table(name);
  mkdirSync(target, { recursive: true });
  for (const folder of folders) {
    for (const file of readdirSync(folder)) {
      const link = join(target, file);
      if (!existsSync(link)) symlinkOrCopy(join(folder, file), link);
    }
  }
  return target;
}

function symlinkOrCopy(from: string, to: string): void {
  try {
    capture('ln', [from, to]);
  } catch {
    cpSync(from, to);
  }
}

const BASE = join(inputs, 'eventos/base');

/** The samples of the jobs that add to 10 M events: the same folder always, for a job remembers files by their place. */
function samplesWith(name: string, ...more: string[]): string {
  const samples = table(name);
  for (const file of existsSync(samples) ? readdirSync(samples) : []) {
    if (!existsSync(join(BASE, file))) wipe(join(samples, file));
  }
  return samplesOf(name, BASE, ...more);
}

const novos = (count: number): string => join(inputs, `eventos/novos-${count}`);

/** Our lake after the base of 10 M events was ingested, kept for the runs that add to it. */
function ensureIngested(): string {
  const lake = table('ingested');
  if (!existsSync(join(lake, 'done'))) {
    wipe(lake);
    const samples = samplesWith('ingested-samples');
    capture(node, runJob('usuario-evento').slice(1), jobEnvironment('ingested', samples));
    mkdirSync(join(lake, 'done'));
  }
  return lake;
}

function adding(count: number): Side {
  const lake = ensureIngested();
  return {
    name: 'deltawright',
    prepare: () => {
      clone(lake, table('added'));
      samplesWith('ingested-samples', novos(count));
    },
    command: runJob('usuario-evento'),
    env: jobEnvironment('added', table('ingested-samples')),
  };
}

/** The whole job, against what it cannot do without: the same anti-join by DuckDB alone, over the files of the table as it was. */
function duplicates(): void {
  const ours = adding(100_000);
  const target = join(ensureIngested(), 'usuarios/usuario_evento_delta');
  compare('job: 100 k events into 10 M ids', [
    ours,
    {
      name: 'duckdb',
      prepare: () => {},
      command: program('anti-join', target, novos(100_000)),
    },
  ]);
}

const spark = (...words: string[]): string[] => [
  'bash',
  `${root}scripts/testbeds/spark.sh`,
  `${bench}/spark_evento.py`,
  ...words,
];

const sparkJob = spark(table('spark-samples'), table('spark'), table('spark-checkpoint'));

function job(): void {
  compare('job: 10 M events into nothing', [
    {
      name: 'deltawright',
      prepare: () => {
        wipe(table('first'), table('first-samples'));
        samplesWith('first-samples');
      },
      command: runJob('usuario-evento'),
      env: jobEnvironment('first', table('first-samples')),
    },
    {
      name: 'spark',
      prepare: () => {
        wipe(table('spark'), table('spark-checkpoint'), table('spark-samples'));
        samplesWith('spark-samples');
      },
      command: sparkJob,
    },
  ]);
  wipe(table('first'), table('first-samples'), table('spark-0'), table('spark-checkpoint-0'));
  capture('cp', ['-r', table('spark'), table('spark-0')]);
  capture('cp', ['-r', table('spark-checkpoint'), table('spark-checkpoint-0')]);
}

/** After `job`, whose last state of Spark it starts from. */
function jobMore(): void {
  if (!existsSync(table('spark-0'))) job();
  compare('job: 10 k events into 10 M ids', [
    adding(10_000),
    {
      name: 'spark',
      prepare: () => {
        wipe(table('spark'), table('spark-checkpoint'));
        capture('cp', ['-r', table('spark-0'), table('spark')]);
        capture('cp', ['-r', table('spark-checkpoint-0'), table('spark-checkpoint')]);
        samplesWith('spark-samples', novos(10_000));
      },
      command: sparkJob,
    },
  ]);
}

function commits(): void {
  for (const [how, theirs] of [
    ['opened', 'seq'],
    ['kept', 'seq_kept'],
  ] as const) {
    compare(`200 durable commits, table ${how}`, [
      {
        name: 'deltawright',
        prepare: () => wipe(table('commits')),
        command: program('sequence', table('commits'), '200', how),
      },
      {
        name: 'delta-rs',
        prepare: () => wipe(table('commits-peer')),
        command: peer(theirs, table('commits-peer'), '200'),
      },
    ]);
  }
  compare('8 processes, 25 commits each', [
    {
      name: 'deltawright',
      prepare: () => wipe(table('commits')),
      command: program('writers', table('commits'), '8', '25'),
    },
    {
      name: 'delta-rs',
      prepare: () => wipe(table('commits-peer')),
      command: peer('writers', table('commits-peer'), '8', '25'),
    },
  ]);
}

/**
 * What an append of one row costs where the log is short and where it is long, and a refresh by one version, also of a million files: it
 * should be the same.
 */
function flat(): void {
  const costs = (label: string, log: string, how: string, count: string): void => {
    const runs = Array.from({ length: reps }, () => {
      clone(log, table('flat'));
      return measure(program('flat', table('flat'), count, how)).inner;
    });
    const of = (member: string): string =>
      median(runs.map((inner) => Number(inner?.[member]))).toFixed(2);
    console.log(
      `${label.padEnd(44)} n=${reps} cpu ${of('mean_ms')} ms each, median ${of('median_ms')} ms  ${of('commits_per_s')} /s`,
    );
  };
  for (const versions of ['1', '1000', '10000']) {
    const log = join(inputs, `logs/flat-${versions}`);
    if (!existsSync(`${log}.expected.json`)) {
      mkdirSync(join(inputs, 'logs'), { recursive: true });
      const size = ['--adds', versions, '--commits', versions];
      capture(python, [`${bench}/gen_log.py`, log, '--kind', 'json', ...size]);
      capture(node, program('checkpoint', log).slice(1));
    }
    for (const how of ['kept', 'opened']) {
      costs(`append at ${versions} versions, table ${how}`, log, how, '200');
    }
    costs(`refresh at ${versions} versions`, log, 'refreshed', '200');
  }
  costs('refresh of 1 M files', ensureLog('checkpoint'), 'refreshed', '30');
  wipe(table('flat'));
}

/** A scheduled run that finds nothing new: 1,000 remembered files, 100 versions, file catalog. */
function noop(): void {
  const samples = table('noop-samples');
  wipe(samples, table('noop'));
  mkdirSync(samples, { recursive: true });
  for (let file = 0; file < 1000; file += 1) {
    const events = [0, 1].map((i) => ({
      id: `${file}-${i}`,
      data_hora_evento: '2026-11-20T12:00:00Z',
      codigo_usuario: `U${file}`,
      nome_usuario: 'Inês',
    }));
    const lines = events.map((event) => `${JSON.stringify(event)}\n`);
    writeFileSync(join(samples, `eventos-${String(file).padStart(4, '0')}.jsonl`), lines.join(''));
  }
  const command = [
    ...cli,
    'run',
    'usuario-evento',
    '--json',
    '--config',
    `${bench}/noop.config.ts`,
  ];
  const env = jobEnvironment('noop', samples);
  capture(node, command.slice(1), env);
  compare('job: nothing new', [{ name: 'deltawright', prepare: () => undefined, command, env }]);
}

/** A batch of one file where 500,000 are remembered, in a new process: a listed prefix, and a folder with a sink's log. */
function bookkeeping(): void {
  const count = '500000';
  const of = (name: string, mode: string): string[] =>
    program('bookkeeping', join(inputs, name), count, mode);
  for (const [name, mode] of [
    ['remembered', 'prepare'],
    ['remembered-sink', 'sink-prepare'],
  ] as const) {
    if (!existsSync(join(inputs, name))) capture(node, of(name, mode).slice(1));
  }
  const side = (name: string, command: readonly string[]): Side => ({
    name,
    prepare: () => undefined,
    command,
  });
  compare('batch on 500 k known files', [
    side('listed', of('remembered', 'batch')),
    side('list alone', of('remembered', 'listing')),
    side('sink log', of('remembered-sink', 'sink-batch')),
  ]);
}

/** Messages into columns; what is compared is the CPU of the decoding alone, which each side prints. */
function avro(): void {
  const cpuOf = (how: string): number => {
    const runs = Array.from({ length: reps }, () => {
      const line = capture(node, program('avro', how, '1000000').slice(1));
      return (JSON.parse(line) as { cpuMicros: number }).cpuMicros;
    });
    return median(runs);
  };
  const [ours, theirs] = [cpuOf('columns'), cpuOf('objects')];
  console.log(
    `1 M Avro messages to columns   deltawright ${ours.toFixed(2)} µs  avsc ${theirs.toFixed(2)} µs a message | ours/peer: cpu ${(ours / theirs).toFixed(3)}`,
  );
}

/** A million events from a broker of its own, captured once each: `capturar-eventos` as it ships, and the same in Spark. */
function kafka(): void {
  const env = { TESTBED_RUN: table('kafka-bed') };
  const bed = (script: string, verb: string): string =>
    capture('bash', [`${root}scripts/testbeds/${script}.sh`, verb], env)
      .split('\n')
      .at(-1) ?? '';
  const stop = (): void => {
    bed('registry', 'wipe');
    bed('kafka', 'wipe');
  };
  stop();
  bed('kafka', 'start');
  const brokers = bed('kafka', 'url');
  const registry = bed('registry', 'start');
  try {
    const count = 1_000_000;
    console.log(capture(node, program('topic', brokers, registry, String(count)).slice(1)));
    compare('kafka: 1 M events to Parquet', [
      {
        name: 'deltawright',
        prepare: () => wipe(table('captured')),
        command: runJob('capturar-eventos'),
        env: {
          DELTAWRIGHT_LAKE: table('captured'),
          KAFKA_BROKERS: brokers,
          SCHEMA_REGISTRY_URL: registry,
        },
        count,
      },
      {
        name: 'spark',
        prepare: () => wipe(table('captured-peer'), table('captured-checkpoint')),
        command: [
          'bash',
          `${root}scripts/testbeds/spark.sh`,
          `${bench}/spark_captura.py`,
          brokers,
          `${root}fixtures/e-financeira/transmissao-efetuada-value.avsc`,
          table('captured-peer'),
          table('captured-checkpoint'),
        ],
        reps: 1,
        count,
      },
    ]);
  } finally {
    stop();
    wipe(table('captured'), table('captured-peer'), table('captured-checkpoint'));
  }
}

/** The log of a million files that are not there, made once: a checkpoint and 20 commits, or 10,000 commits alone. */
function ensureLog(kind: 'checkpoint' | 'json'): string {
  const log = join(inputs, `logs/${kind}-1m`);
  if (!existsSync(`${log}.expected.json`)) {
    mkdirSync(join(inputs, 'logs'), { recursive: true });
    capture(python, [`${bench}/gen_log.py`, log, '--kind', kind]);
  }
  return log;
}

const duck = (...words: string[]): string[] => [python, `${bench}/peer_duckdb.py`, ...words];

/** A condition, and some of ten columns: of the rows that come to the program, and of sums of them. */
function scan(): void {
  const target = join(inputs, 'target_M');
  const env = { DELTAWRIGHT_LAKE: table('scan') };
  const config = ['--config', join(root, 'fixtures/deltawright.config.ts')];
  wipe(table('scan'));
  capture(node, [...cli.slice(1), 'register', target, '--as', 'usuarios.usuario', ...config], env);
  const side = (name: string, command: readonly string[]): Side => ({
    name,
    prepare: () => undefined,
    command,
    env,
  });
  compare('scan of 10 M, 1 % of the rows', [
    side('deltawright', program('scan', target, SOME_ROWS.columns, SOME_ROWS.where)),
    side('duckdb', duck('rows', target, SOME_ROWS.columns, SOME_ROWS.where)),
  ]);
  const sums = (source: string): string =>
    `SELECT uf, count(*), sum(saldo), avg(idade) FROM ${source} WHERE ativo GROUP BY uf`;
  compare('scan of 10 M, sums', [
    side('deltawright', [...cli, 'sql', sums('usuario'), '--json', ...config]),
    side('duckdb', duck('query', sums(`delta_scan('${target}')`))),
  ]);
  wipe(table('scan'));
}

const SOME_ROWS = { columns: 'id, nome, saldo', where: "uf = 'SP' AND idade >= 90" } as const;

function open(label: string, kind: 'checkpoint' | 'json', what: 'partition' | 'all'): void {
  const log = ensureLog(kind);
  const side = (name: string, command: readonly string[]): Side => ({
    name,
    prepare: () => undefined,
    command,
  });
  compare(label, [
    side('deltawright', program('open', log, what)),
    side('delta-rs', peer(what, log)),
    side('duckdb', duck(what, log)),
  ]);
}

/** The checkpoint of a million files, from another writer's and 20 commits, and then the one of 1,000 files more, from one's own. */
function checkpoint(): void {
  const log = ensureLog('checkpoint');
  compare('write a checkpoint of 1 M files', [
    {
      name: 'deltawright',
      prepare: () => clone(log, table('checkpoint')),
      command: program('checkpoint', table('checkpoint')),
    },
    {
      name: 'delta-rs',
      prepare: () => clone(log, table('checkpoint-peer')),
      command: peer('checkpoint', table('checkpoint-peer')),
    },
  ]);
  const sides = [
    ['deltawright', 'checkpoint', (log: string) => program('checkpoint', log)],
    ['delta-rs', 'checkpoint-peer', (log: string) => peer('checkpoint', log)],
  ] as const;
  for (const [, name] of sides) {
    capture(python, [`${bench}/gen_log.py`, table(name), '--kind', 'more']);
  }
  const next = sides.map(([side, name, command]): Side => ({
    name: side,
    prepare: () => clone(table(name), table(`${name}-next`)),
    command: command(table(`${name}-next`)),
  }));
  compare('write the next, 1,000 files later', next);
  for (const [, name] of sides) wipe(table(name), table(`${name}-next`));
}

const BENCHMARKS: Readonly<Record<string, () => void>> = {
  append: () => appendOf('append 10 M, bytes fit', 'M'),
  'append-decode': () => appendOf('append 10 M, must decode', 'M_ns'),
  merge,
  ...rewriteBenchmarks({
    inputs,
    table,
    clone,
    wipe,
    cli,
    peer,
    script: (name, ...words) => capture(python, [`${bench}/${name}.py`, ...words]),
    run: ([command = '', ...words]) => capture(command, words),
    compare,
  }),
  compact,
  scan,
  duplicates,
  commits,
  noop,
  'open-partition': () => open('open 1 M files, one partition', 'checkpoint', 'partition'),
  'open-all': () => open('open 1 M files, all', 'checkpoint', 'all'),
  'open-json': () => open('open 10,000 JSON commits', 'json', 'partition'),
  flat,
  checkpoint,
  bookkeeping,
  kafka,
  job,
  'job-more': jobMore,
  avro,
};

const names = positionals.length === 0 ? Object.keys(BENCHMARKS) : positionals;
/** These make their own inputs. */
const OWN_INPUTS = new Set([
  'avro',
  'kafka',
  'open-partition',
  'open-all',
  'open-json',
  'flat',
  'checkpoint',
]);
if (names.some((name) => !OWN_INPUTS.has(name))) ensureInputs();
else mkdirSync(run, { recursive: true });
for (const name of names) {
  const benchmark = BENCHMARKS[name];
  if (benchmark === undefined)
    throw new Error(`no benchmark ${name}; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  benchmark();
}
