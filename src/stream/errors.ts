/** Every error of the room `stream`. */

import { DeltaError } from '../base/index.ts';

/** A file of a checkpoint directory that is not what Spark or this package writes there. */
export function checkpointBroken(location: string, file: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'CHECKPOINT_BROKEN',
    message:
      `the checkpoint cannot be continued: ${reason}. Restore the file, or delete the whole checkpoint ` +
      'directory to take every file of the source again (duplicates are still dropped against the table)',
    details: { location, file },
  });
}

/** A file of a checkpoint directory in a version that is not known here. */
export function checkpointVersion(location: string, file: string, version: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'CHECKPOINT_VERSION',
    message:
      'the checkpoint was written in a version that is not known here; continue it where it was written',
    details: { location, file, version },
  });
}

/** Another process works on the same checkpoint; what it wrote first stands. */
export function jobConcurrent(location: string, file: string): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'JOB_CONCURRENT',
    message:
      'another process runs the same job: it planned this batch first, and this run stops. Nothing was doubled; ' +
      'run the job again when the other has ended',
    details: { location, file },
  });
}

/** A batch that was planned, and not finished, when the source was somewhere else. */
export function sourceMoved(location: string, file: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SOURCE_MOVED',
    message:
      'a batch that is not finished has a file outside of the source. Put the location of the source back for one run, ' +
      'or delete the checkpoint to take everything from the new place',
    details: { location, file },
  });
}
