/** One line on a terminal for work that takes longer than a second; nothing where standard error is no terminal. */

const QUIET_MS = 1000;
const EVERY_MS = 200;
const COLUMNS_DEFAULT = 80;

const state = { text: '', begin: 0, isShown: false };
let timer: NodeJS.Timeout | null = null;

/** What is being done from now on. */
export function showProgress(text: string): void {
  state.text = text;
  if (timer !== null || !process.stderr.isTTY) return;
  state.begin = Date.now();
  timer = setInterval(draw, EVERY_MS);
  // It tells of work and is none: it must not keep the process alive.
  timer.unref();
}

/** Takes the line away, so that something else can be printed; it comes back while the work goes on. */
export function clearProgress(): void {
  if (state.isShown) process.stderr.write('\r\u001b[K');
  state.isShown = false;
}

/** The work is over. */
export function endProgress(): void {
  if (timer !== null) clearInterval(timer);
  timer = null;
  clearProgress();
}

function draw(): void {
  const elapsedMs = Date.now() - state.begin;
  if (elapsedMs < QUIET_MS) return;
  const line = `${state.text} (${Math.round(elapsedMs / 1000)} s)`;
  // A line that wraps could not be taken away again.
  const { columns } = process.stderr;
  const width = columns > 0 ? columns : COLUMNS_DEFAULT;
  process.stderr.write(`\r\u001b[K${line.slice(0, width - 1)}`);
  state.isShown = true;
}
