import { defineConfig } from 'vitest/config';

/** Against real servers and engines, which `scripts/interop.ts` starts: one file at a time, on two cores. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/interop/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
