/** A job's files: found, looked at, planned, and their rows taken to the sink with what is bad in them listed. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { assert } from '../base/index.ts';
import { evolveSchema, type StructType } from '../schema/index.ts';
import type { ObjectStore } from '../store/index.ts';
import {
  type Failure,
  FileSource,
  type PlannedFile,
  printLogOffset,
  readLogOffset,
  type SourceFile,
} from '../stream/index.ts';
import { inferSchema, type PreparedInput, type TableContext } from '../table/index.ts';
import type { FilesSource } from './job.ts';
import { deliver } from './deliver.ts';
import { sourceMismatch } from './errors.ts';
import { type BatchCounts, NO_COUNTS, type Run, tableAt } from './job-context.ts';
import { type JobBatch, type JobSink, NO_ROWS } from './job-sink.ts';
import type { BatchRange, JobSource, NextBatch, Position } from './job-source.ts';
import { countRows, isAboutData, lineOfRow, type Look, lookAt } from './look.ts';
import { type RejectedLine, writeRejectedList } from './rejected-list.ts';

/** Tries on files that change, vanish or turn out broken while they are read. */
const ATTEMPTS_MAX = 4;

/** The files of a run, opened. */
export interface FilesRun extends Run {
  readonly schema: StructType;
  /** Rooted at the source's prefix. */
  readonly samples: ObjectStore;
  /** What files are read with. */
  readonly table: TableContext;
  readonly files: FileSource;
}

interface FilesBatch extends JobBatch {
  readonly planned: readonly PlannedFile[];
}

export class FilesJobSource implements JobSource {
  readonly #run: FilesRun;
  readonly #limits: FilesSource['limits'];
  /** Of the batch that was just planned: what was seen of its files, so that nobody looks twice. */
  #look: Look | null = null;
  #backlog = 0;
  #hasFound = false;

  private constructor(run: FilesRun, limits: FilesSource['limits']) {
    this.#run = run;
    this.#limits = limits;
  }

  static async open(run: Run, { location, schema, limits }: FilesSource): Promise<FilesJobSource> {
    const { context, checkpoint } = run;
    const samples = context.openStore(location);
    const files = await FileSource.open(samples, checkpoint.store);
    const table = tableAt(context, location);
    return new FilesJobSource({ ...run, schema, samples, table, files }, limits);
  }

  get backlog(): number {
    return this.#backlog;
  }

  get warnings(): readonly string[] {
    const { samples } = this.#run;
    // Only a local folder can be told from an empty one: an object store has none.
    if (this.#hasFound || samples.localFile('any') === null) return [];
    if (existsSync(fileURLToPath(samples.uri))) return [];
    return [
      `the source ${samples.uri} does not exist, so that nothing was found; is it misspelled?`,
    ];
  }

  async *nextBatches(from: Position | null): AsyncGenerator<NextBatch> {
    const { files, signal, report } = this.#run;
    // A run that stopped between the two had remembered these files and not planned them.
    if (files.logOffset > this.#logOffsetOf(from)) {
      yield { end: printLogOffset(files.logOffset), deferredFiles: 0 };
    }
    const offered = await files.listNew(this.#limits);
    this.#hasFound ||= offered.length > 0;
    this.#backlog = offered.flat().length;
    report({ step: 'list', batch: null, ...sizeOf(offered.flat()) });
    for (const batch of offered) {
      signal?.throwIfAborted();
      report({ step: 'probe', batch: null, ...sizeOf(batch) });
      const look = await lookAt(this.#run, batch, {
        // A file that broke a batch by what is in it looks fine from outside.
        thorough: (file) => files.isSecondTry(file),
        mayGrow: (file) => !files.isSecondTry(file),
      });
      try {
        const before = files.logOffset;
        const { deferred } = await files.plan(look.probed);
        const end = files.logOffset > before ? printLogOffset(files.logOffset) : null;
        this.#look = look;
        this.#backlog -= batch.length;
        yield { end, deferredFiles: deferred.length };
      } finally {
        this.#look = null;
        await look.close();
      }
    }
  }

  async take({ from, to }: BatchRange, sink: JobSink): Promise<BatchCounts> {
    const { files } = this.#run;
    const planned = await files.plannedFiles({
      after: this.#logOffsetOf(from),
      through: this.#logOffsetOf(to),
    });
    const batch = { batch: to.batch, digest: to.offsets.digest, planned };
    if ((await sink.isApplied(batch)) && !sink.needsRowsAgain) return NO_COUNTS;
    const seen = this.#look;
    for (let attempt = 1; ; attempt += 1) {
      const first = attempt === 1 ? seen : null;
      const look = first ?? (await this.#lookAgain(planned, attempt > 1));
      try {
        return await this.#commit(batch, sink, {
          look,
          failed: first === null ? failuresOf(look) : [],
        });
      } catch (error) {
        // What is wrong with the data may be wrong with one file: the next look finds it by reading each alone.
        if (!isAboutData(error) || attempt >= ATTEMPTS_MAX) throw error;
      } finally {
        if (look !== seen) await look.close();
      }
    }
  }

  async clean(): Promise<void> {
    await this.#run.files.clean();
  }

  close(): Promise<void> {
    assert(this.#look === null, 'no look at files is open when the source is closed');
    return Promise.resolve();
  }

  /** The files of a plan as they are now. */
  async #lookAgain(planned: readonly PlannedFile[], thorough: boolean): Promise<Look> {
    const files = new Map<string, SourceFile>();
    for (const { path, modifiedMs, rejected } of planned) {
      if (rejected !== null || files.has(path)) continue;
      const meta = await this.#run.samples.head(path);
      files.set(path, meta ?? { path, modifiedMs, sizeBytes: 0, etag: null });
    }
    return lookAt(this.#run, [...files.values()], {
      thorough: () => thorough,
      mayGrow: () => false,
    });
  }

  async #commit(
    { planned, ...batch }: FilesBatch,
    sink: JobSink,
    { look, failed }: { readonly look: Look; readonly failed: readonly Failure[] },
  ): Promise<BatchCounts> {
    const { accepted } = look;
    const { files, rejected: place, report } = this.#run;
    const rejected = planned.flatMap(lineOfFile);
    const rows = look.rejectedRows.map((rejection) => lineOfRow(this.#run, rejection));
    await files.settle({ seen: planned, failed });
    await writeRejectedList(place, batch.batch, [...rejected, ...rows]);
    const bytes = accepted.reduce((sum, { file }) => sum + file.sizeBytes, 0);
    report({ step: 'read', batch: batch.batch, files: accepted.length, bytes });
    const written =
      accepted.length === 0
        ? NO_ROWS
        : await deliver(this.#run, sink, batch, {
            inputs: accepted,
            schema: await this.#schemaOf(accepted),
          });
    return {
      ...NO_COUNTS,
      ...written,
      ...countRows(look),
      files: accepted.length,
      bytes,
      rejectedFiles: rejected.length,
      deferredFiles: failed.length,
    };
  }

  /** The declared columns; where the sink takes new ones, also those that files have beyond them. */
  async #schemaOf(accepted: readonly PreparedInput[]): Promise<StructType> {
    const { schema, job } = this.#run;
    const { sink } = job;
    if (!('evolve' in sink) || sink.evolve === 'none') return schema;
    const evolution = evolveSchema(schema, (await inferSchema(accepted)).schema, sink.evolve);
    if (evolution.kind === 'fits') return evolution.schema;
    throw sourceMismatch(job.name, evolution.column, evolution.reason);
  }

  #logOffsetOf(position: Position | null): number {
    if (position === null) return -1;
    return readLogOffset(this.#run.checkpoint, position.batch, position.offsets);
  }
}

/** Planned files that cannot be read any more: they are tried again. */
function failuresOf({ probed }: Look): Failure[] {
  return probed.flatMap(({ file, probe }) =>
    probe.kind === 'ready' ? [] : [{ file, code: probe.code, reason: probe.reason }],
  );
}

function lineOfFile({ uri, rejected }: PlannedFile): RejectedLine[] {
  return rejected === null
    ? []
    : [{ path: uri, row: null, code: rejected.code, reason: rejected.reason }];
}

function sizeOf(files: readonly SourceFile[]): { readonly files: number; readonly bytes: number } {
  return { files: files.length, bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) };
}
