/** One line on a terminal for work that takes longer than a second; nothing where standard error is no terminal. */

const QUIET_MS = 1000;
const EVERY_MS = 200;

export interface Progress {
  /** What is being done now; shown when the next tick comes. */
  show(text: string): void;
  /** Takes the line away. */
  stop(): void;
}

export function startProgress(enabled = process.stderr.isTTY): Progress {
  if (!enabled) return { show: () => undefined, stop: () => undefined };
  const begin = Date.now();
  let text = '';
  let shown = false;
  const timer = setInterval(() => {
    if (Date.now() - begin < QUIET_MS || text === '') return;
    const seconds = Math.round((Date.now() - begin) / 1000);
    process.stderr.write(`\r\u001b[K${text} (${seconds} s)`);
    shown = true;
  }, EVERY_MS);
  timer.unref();
  return {
    show: (next) => {
      text = next;
    },
    stop: () => {
      clearInterval(timer);
      if (shown) process.stderr.write('\r\u001b[K');
    },
  };
}
