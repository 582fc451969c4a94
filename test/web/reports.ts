/** What jobs report, for tests of who listens. */

import { type BatchReport, NO_COUNTS } from '../../src/jobs/job-context.ts';

/** A look that found nothing, but for what is said. */
export function reportOf(
  job: string,
  {
    counts = {},
    ...more
  }: Omit<Partial<BatchReport>, 'counts'> & {
    readonly counts?: Partial<BatchReport['counts']>;
  } = {},
): BatchReport {
  return {
    job,
    batch: null,
    backlog: 0,
    version: null,
    timeMs: 0,
    ...more,
    counts: { ...NO_COUNTS, ...counts },
  };
}
