/** What jobs that keep running did, as Prometheus metrics and as a state of health. */

import type * as Prometheus from 'prom-client';

import type { Clock } from '../base/index.ts';
import type { BatchReport } from '../jobs/index.ts';

export interface JobHealth {
  readonly job: string;
  /** `starting`: it has not looked for anything yet; `stalled`: it has not for longer than it may; `failed`: it ended with an error. */
  readonly state: 'starting' | 'running' | 'stalled' | 'failed';
  /** ISO 8601; null before the first look. */
  readonly lastReport: string | null;
  readonly backlog: number;
}

interface JobState {
  lastReportMs: number | null;
  backlog: number;
  isFailed: boolean;
}

/** Seconds that batches take. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export class RunMetrics {
  readonly #clock: Clock;
  readonly #stalledMs: number;
  readonly #jobs: ReadonlyMap<string, JobState>;
  readonly #registry: Prometheus.Registry;
  readonly #counters: ReadonlyMap<keyof BatchReport['counts'], Prometheus.Counter<'job'>>;
  readonly #batches: Prometheus.Histogram<'job'>;
  readonly #gauges: {
    readonly backlog: Prometheus.Gauge<'job'>;
    readonly version: Prometheus.Gauge<'job'>;
    readonly lastReport: Prometheus.Gauge<'job'>;
  };
  readonly #startMs: number;

  private constructor(
    prometheus: typeof Prometheus,
    jobs: readonly string[],
    options: { readonly clock: Clock; readonly stalledMs: number },
  ) {
    const registry = new prometheus.Registry();
    const common = { labelNames: ['job'] as const, registers: [registry] };
    const gauge = (name: string, help: string): Prometheus.Gauge<'job'> =>
      new prometheus.Gauge({ name: `deltawright_${name}`, help, ...common });
    this.#clock = options.clock;
    this.#startMs = options.clock.now();
    this.#stalledMs = options.stalledMs;
    this.#jobs = new Map(
      jobs.map((job) => [job, { lastReportMs: null, backlog: 0, isFailed: false }]),
    );
    this.#registry = registry;
    this.#counters = new Map(
      COUNTERS.map(([count, name, help]) => [
        count,
        new prometheus.Counter({ name: `deltawright_${name}`, help, ...common }),
      ]),
    );
    this.#batches = new prometheus.Histogram({
      name: 'deltawright_batch_seconds',
      help: 'Time that a batch takes, from planning to its commit.',
      buckets: BUCKETS,
      ...common,
    });
    this.#gauges = {
      backlog: gauge('backlog', 'Files or messages that are there and not taken yet.'),
      version: gauge('table_version', 'Version of the table after the last batch.'),
      lastReport: gauge('last_report_seconds', 'When the job last looked, in seconds since 1970.'),
    };
  }

  /** Of the jobs named; one that does not report for `stalledMs` is not well. */
  static async open(
    jobs: readonly string[],
    options: { readonly clock: Clock; readonly stalledMs: number },
  ): Promise<RunMetrics> {
    return new RunMetrics(await import('prom-client'), jobs, options);
  }

  /** Takes what a run reports: see `RunOptions.onBatch`. */
  report({ job, batch, counts, backlog, version, timeMs }: BatchReport): void {
    const now = this.#clock.now();
    const state = this.#jobs.get(job);
    if (state !== undefined) Object.assign(state, { lastReportMs: now, backlog });
    this.#gauges.backlog.set({ job }, backlog);
    this.#gauges.lastReport.set({ job }, now / 1000);
    if (version !== null) this.#gauges.version.set({ job }, version);
    if (batch === null) return;
    this.#batches.observe({ job }, timeMs / 1000);
    for (const [count, counter] of this.#counters) counter.inc({ job }, counts[count]);
  }

  failed(job: string): void {
    const state = this.#jobs.get(job);
    if (state !== undefined) state.isFailed = true;
  }

  health(): readonly JobHealth[] {
    return [...this.#jobs].map(([job, { lastReportMs, backlog, isFailed }]) => {
      const silentMs = this.#clock.now() - (lastReportMs ?? this.#startMs);
      const alive = lastReportMs === null ? 'starting' : 'running';
      return {
        job,
        state: isFailed ? 'failed' : silentMs > this.#stalledMs ? 'stalled' : alive,
        lastReport: lastReportMs === null ? null : new Date(lastReportMs).toISOString(),
        backlog,
      };
    });
  }

  /** In Prometheus's text format. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

const COUNTERS: readonly (readonly [keyof BatchReport['counts'], string, string])[] = [
  ['rowsIn', 'rows_in_total', 'Rows or messages read.'],
  ['bytes', 'bytes_in_total', 'Bytes of the files or messages taken.'],
  ['duplicates', 'duplicates_total', 'Rows left out because their key had entered.'],
  ['inserted', 'inserted_total', 'Rows inserted.'],
  ['updated', 'updated_total', 'Rows updated.'],
  ['deleted', 'deleted_total', 'Rows deleted.'],
  ['posted', 'posted_total', 'Messages sent to a topic.'],
  ['rejectedRows', 'rejected_rows_total', 'Rows or messages rejected.'],
  ['rejectedFiles', 'rejected_files_total', 'Files rejected.'],
  ['lostOffsets', 'lost_offsets_total', 'Messages gone before they were read.'],
];
