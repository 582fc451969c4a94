/**
 * Runs both jobs of *usuarios*, kills them with SIGKILL at random moments, and again, while new samples keep coming; then runs them
 * once to the end. Then: each id once, the first content of each; the newest name of each user; the manifest equal to the snapshot; the
 * catalog's entries there. Rows are read by delta-rs.
 *
 *   node scripts/prove/kill.ts [LAKE-URI] [--kills 200] [--seed N]
 *
 * LAKE-URI: a fresh local path (default: in the temporary folder) or s3:// URI, with DELTAWRIGHT_CATALOG=glue for Glue. Samples are
 * JSON lines on local disk.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, manifestDrift, readByPeer } from './judge.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const kills = Number(values.kills);
const folder = mkdtempSync(join(tmpdir(), 'kill-'));
const lake = positionals[0] ?? join(folder, 'lake');
const samples = join(folder, 'amostras');
mkdirSync(samples, { recursive: true });
const root = new URL('../../', import.meta.url).pathname;
const cli = [
  join(root, 'dist/cli/main.js'),
  'run',
  'usuario-evento',
  'usuario-merge',
  '--config',
  join(root, 'fixtures/deltawright.config.ts'),
];

let state = Number(values.seed);
/** Uniform in [0, 1), the same sequence for the same seed. */
function chance(): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return state / 0x80000000;
}

const idsSeen = new Set<string>();
const newest = new Map<string, { time: string; name: string }>();

/** A new sample: events in no order of time, some ids doubled in it, some of earlier samples. */
function addSample(number: number): void {
  const lines: string[] = [];
  const inSample = new Set<string>();
  for (let i = 0; i < 40; i += 1) {
    const again = chance() < 0.1 && idsSeen.size > 0;
    const id = again ? `e-${Math.floor(chance() * idsSeen.size)}` : `e-${idsSeen.size}`;
    const event = eventOf(id);
    lines.push(JSON.stringify(event));
    if (inSample.has(id)) continue;
    inSample.add(id);
    idsSeen.add(id);
    const known = newest.get(event.codigo_usuario);
    if (known === undefined || known.time < event.data_hora_evento) {
      newest.set(event.codigo_usuario, { time: event.data_hora_evento, name: event.nome_usuario });
    }
  }
  // Written beside and renamed: a listing sees a whole sample or none.
  const name = `amostra ${String(number).padStart(4, '0')} ção.jsonl`;
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  renameSync(join(folder, name), join(samples, name));
}

/** The event with this id: always the same content, so that which copy of it stays makes no difference. */
function eventOf(
  id: string,
): Record<'id' | 'data_hora_evento' | 'codigo_usuario' | 'nome_usuario', string> {
  const number = Number(id.slice(2));
  const mixed = Math.imul(number + 1, 2_654_435_761) >>> 0;
  const time = new Date(1_717_200_000_000 + (mixed % 1_000_000_000)).toISOString();
  return {
    id,
    data_hora_evento: time,
    codigo_usuario: `U${mixed % 97}`,
    nome_usuario: `João ${number}`,
  };
}

/** Runs the jobs; kills them after `killAfterMs`. True where they came to their end. */
function run(killAfterMs: number | null): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, cli, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DELTAWRIGHT_LAKE: lake, DELTAWRIGHT_SAMPLES: samples },
    });
    let errors = '';
    child.stderr.on('data', (bytes: Buffer) => {
      errors += bytes.toString();
    });
    const timer =
      killAfterMs === null ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(true);
      else if (signal === 'SIGKILL') resolve(false);
      else reject(new Error(`a run ended with ${String(code)}: ${errors}`));
    });
  });
}

async function timed(killAfterMs: number | null): Promise<{ finished: boolean; tookMs: number }> {
  const begin = Date.now();
  const finished = await run(killAfterMs);
  return { finished, tookMs: Date.now() - begin };
}

addSample(0);
/** How long the last run took that came to its end: what the random moments are drawn from. */
let wholeMs = await timed(null).then((end) => end.tookMs);
let killed = 0;
let tries = 0;
for (let number = 1; killed < kills; number += 1) {
  addSample(number);
  tries += 1;
  const end = await timed(chance() * wholeMs);
  if (end.finished) wholeMs = end.tookMs;
  else killed += 1;
  if (tries > kills * 4) fail(`only ${killed} of ${tries} runs were killed in time`);
}
await run(null);

const events = readByPeer(`${lake}/usuarios/usuario_evento_delta`, [
  'id',
  'codigo_usuario',
  'nome_usuario',
]);
const ids = new Set(events.map(([id]) => String(id)));
if (events.length !== ids.size) fail(`${events.length - ids.size} events are doubled`);
for (const id of idsSeen) if (!ids.has(id)) fail(`event ${id} is lost`);
for (const [id, , name] of events) {
  if (eventOf(String(id)).nome_usuario !== name) fail(`event ${String(id)} has another content`);
}
const users = readByPeer(`${lake}/usuarios/usuario_delta`, ['codigo_usuario', 'nome_usuario']);
if (users.length !== newest.size) fail(`${users.length} users, not ${newest.size}`);
for (const [code, name] of users) {
  if (newest.get(String(code))?.name !== name) {
    fail(
      `user ${String(code)} is ${String(name)}, not ${newest.get(String(code))?.name ?? 'unknown'}`,
    );
  }
}
for (const table of ['usuario_evento_delta', 'usuario_delta']) {
  const drift = await manifestDrift(`${lake}/usuarios/${table}`);
  if (drift !== '') fail(`the manifest of ${table} is not that of its snapshot: ${drift}`);
}
rmSync(folder, { recursive: true });
console.log(
  `${killed} of ${tries} runs killed (a whole run: ${wholeMs} ms), then a clean one: ${ids.size} ids once each, ` +
    `${users.length} users with their newest names, manifests equal to their snapshots`,
);
