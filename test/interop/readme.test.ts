/** The README's pipeline on a real broker, as it stands there: what runs in one terminal, and what in the other. */

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
/** In place of the README's, which would be in the checkout. */
const LAKE = 'lake-vivo';
let lake = '';
let blocks: readonly string[] = [];

beforeAll(async () => {
  lake = await mkdtemp(join(tmpdir(), 'readme-'));
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  blocks = [...readme.matchAll(/^```sh\n([^]*?)^```/gm)]
    .map(([, block = '']) => block)
    .filter((block) => block.startsWith('export $(npm run -s kafka'))
    .map((block) => block.replace(LAKE, lake));
});
afterAll(() => rm(lake, { recursive: true, force: true }));

interface Terminal {
  readonly child: ReturnType<typeof spawn>;
  readonly lines: AsyncIterable<string>;
  readonly code: Promise<number | null>;
}

/** Runs a block as a group of processes, as a terminal does. */
function openTerminal(block: string): Terminal {
  const child = spawn('bash', ['-euc', block], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { child, code, lines: createInterface(child.stdout) };
}

test('the jobs keep running while events arrive, and the detail and the report are there', async () => {
  const [jobs = '', queries = '', ...others] = blocks;
  expect(others).toEqual([]);
  const first = openTerminal(jobs);
  const printed: string[] = [];
  const stopped: string[] = [];
  for await (const line of first.lines) {
    if (line.includes('"msg":"stopped"')) stopped.push(line);
    // Once the events of the past are in the report, those of now are sent.
    if (!line.includes('"job":"gerar-relatorio-transmissao","batch":0,')) continue;
    const second = openTerminal(queries);
    for await (const text of second.lines) printed.push(text);
    expect(await second.code).toBe(0);
    process.kill(-(first.child.pid ?? 0), 'SIGINT');
  }
  // The shell ends by the signal itself; the jobs say that they ended in good order.
  await first.code;
  expect(stopped).toHaveLength(3);
  const text = printed.join('\n');
  expect(text).toMatch(/^10000 messages in \d+\.\d s: /m);
  expect(text).toMatch(/^time +codigo_empresa +tipo_evento [^\n]*\n-[^\n]*\n(?:20[^\n]*\n){5}/m);
  expect(text).toMatch(/^codigo_empresa +quantidade_eventos_transmitidos [^\n]*\n/m);
  expect(text).toMatch(/"status":"ok"/);
});
