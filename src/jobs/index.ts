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
  type Sink,
  type SinkTable,
} from './config.ts';
export type { ConfigInput, JobInput } from './config-shape.ts';
export type { JobContext, RunOptions, RunProgress, RunResult } from './job-context.ts';
export { CONFIG_FILE, loadConfig } from './load-config.ts';
export { publish } from './publish.ts';
export { runJob } from './run.ts';
