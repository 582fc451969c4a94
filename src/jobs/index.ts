/** Job definitions and their runner. */

export { absoluteUri, defineConfig, findJob, parseConfig } from './config.ts';
export type {
  AppendSink,
  CatalogConfig,
  Config,
  Job,
  MergeSink,
  Secret,
  Sink,
  SinkTable,
  Trigger,
} from './job.ts';
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
export { loadConfig } from './load-config.ts';
export { publish } from './publish.ts';
export { runJob } from './run.ts';
