/**
 * Breaks each rule of commits, of the log and of operations once, in a copy of the source, and runs the simulation on it: every one must be
 * found, by a seed that breaks a rule of the table. Says how many seeds it took until some of them did.
 *
 *   node scripts/prove/mutation.ts [name part…] [--seeds 3000] [--found 5]
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import pLimit from 'p-limit';

import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const PROJECT = new URL('../..', import.meta.url).pathname;
const COPIED = ['src', 'test/sim', 'scripts/prove/simulation.ts', 'package.json'];
const PROCESSES = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '3000' },
    /** Seeds that find a broken rule, after which no more are run. */
    found: { type: 'string', default: '5' },
  },
});
const chosen = MUTANTS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
const folder = await mkdtemp(join(tmpdir(), 'mutation-'));
const origin = join(folder, 'origin');
try {
  // All from one state of the source, whoever works on it meanwhile.
  for (const path of COPIED) await cp(join(PROJECT, path), join(origin, path), { recursive: true });
  const limit = pLimit(PROCESSES);
  const found = await limit.map(chosen, async (mutant, index) => {
    const how = await hunt(mutant, join(folder, String(index))).catch((error: unknown) => {
      // The others are looked for all the same; what cannot be tried counts as not found.
      console.log(`not tried ${mutant.name}: ${String(error).slice(0, 300)}`);
      return null;
    });
    console.log(
      `${how === null ? 'SURVIVED' : 'found   '} ${mutant.name}${how === null ? '' : `: ${how}`}`,
    );
    return how !== null;
  });
  const survivors = found.filter((it) => !it).length;
  console.log(`${found.length - survivors} of ${found.length} broken rules were found`);
  if (survivors > 0) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}

/** What the simulation said of a copy with one rule broken; null where it found nothing. */
async function hunt(mutant: Mutant, copy: string): Promise<string | null> {
  const { file, text, instead, also = [], every = 1, operations = false } = mutant;
  await cp(origin, copy, { recursive: true });
  await symlink(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  let source = await readFile(join(copy, file), 'utf8');
  for (const change of [{ text, instead }, ...also]) {
    if (source.split(change.text).length !== 2) {
      throw new Error(`${file} does not hold this exactly once: ${change.text}`);
    }
    source = source.replace(change.text, () => change.instead);
  }
  await writeFile(join(copy, file), source);
  const script = join(copy, 'scripts/prove/simulation.ts');
  const seedCount = Number(values.seeds) / (operations ? 10 : 1);
  const options = ['--worker', '--from', String(every), '--seeds', String(seedCount)];
  const how = ['--every', String(every), '--broken', operations ? '1' : values.found];
  if (operations) how.push('--operations');
  const child = spawn(process.execPath, [script, ...options, ...how], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', errors: '' };
  child.stdout.on('data', (bytes: Buffer) => {
    said.out += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    said.errors += bytes.toString();
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  await rm(copy, { recursive: true });
  if (code !== 0) throw new Error(`a broken rule broke the program itself: ${said.errors}`);
  const { seeds, broken } = JSON.parse(said.out) as { seeds: number; broken: number[] };
  if (broken.length === 0) return null;
  return `${broken.length} of ${seeds} seeds: ${said.errors.split('\n', 1)[0]?.slice(0, 140)}`;
}
