/** Every error of the room `stream`. */

import { DeltaError } from '../base/index.ts';

/** A file of a checkpoint directory that is not what Spark or this package writes there. */
export function checkpointBroken(location: string, file: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'CHECKPOINT_BROKEN',
    message:
      `the checkpoint cannot be continued: ${reason}. Restore the file, or delete the whole checkpoint ` +
      'directory to take everything of the source again (a table that would then hold rows twice refuses it)',
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

/** A file of a sink's log that is not what Spark or this package writes there. */
export function sinkLogBroken(location: string, file: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SINK_LOG_BROKEN',
    message:
      `the log of a Parquet folder cannot be read: ${reason}. Restore the file; without the log, nobody can tell ` +
      'which files of the folder belong to a whole batch',
    details: { location, file },
  });
}

/** A file of a sink's log in a version that is not known here. */
export function sinkLogVersion(location: string, file: string, version: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'SINK_LOG_VERSION',
    message:
      'the log of a Parquet folder was written in a version that is not known here; update this package',
    details: { location, file, version },
  });
}

/** The log of a folder names a file that lies elsewhere. */
export function sinkLogMoved(location: string, file: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SINK_LOG_MOVED',
    message:
      'the log of a Parquet folder names a file outside of it: the folder was moved or copied, or is reached by another ' +
      'name than the one it was written by. Use the location that the log names',
    details: { location, file },
  });
}

/** A sink's folder that another job writes, or that holds files which are no job's. */
export function sinkTaken(location: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SINK_TAKEN',
    message:
      `the folder of the Parquet sink cannot be written: ${reason}. Give the job an empty location of its own, or the ` +
      'checkpoint that the folder was written with',
    details: { location },
  });
}

/** Checkpoint and sink do not stand at the same batch. */
export function sinkMismatch(
  location: string,
  batches: { readonly logged: number; readonly planned: number; readonly committed: number },
): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SINK_MISMATCH',
    message:
      'the log of the Parquet folder does not end where the checkpoint does: one of the two was deleted or restored ' +
      'from an older copy. Bring both to the same state, or start over with an empty folder and a new checkpoint',
    details: { location, ...batches },
  });
}
