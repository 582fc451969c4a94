/** Job definitions and their runner. */

export {
  absoluteUri,
  type AppendSink,
  type CatalogConfig,
  type Config,
  defineConfig,
  findJob,
  type Job,
  type MergeSink,
  parseConfig,
  type Secret,
  type Sink,
  type SinkTable,
  type Trigger,
} from './config.ts';
export type { ConfigInput, JobInput } from './config-shape.ts';
export { secretMissing } from './errors.ts';
export type {
  BatchCounts,
  BatchReport,
  JobContext,
  RunOptions,
  RunProgress,
  RunResult,
} from './job-context.ts';
export { CONFIG_FILE, loadConfig } from './load-config.ts';
export { publish } from './publish.ts';
export { runJob } from './run.ts';
