/** What an erase leaves, and why. */

import type { Expression } from '../../schema/index.ts';
import { isManifest } from '../manifest-layout.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { TableContext } from '../types.ts';
import { isMatched, keyOf, type Survey, type SurveyedFile } from './erase-files.ts';
import { namesErased } from './erase-folders.ts';
import type { EraseLeft } from './erase-report.ts';

export interface LeftOptions {
  /** What is younger may be of a writer under way. */
  readonly writerMs: number;
  /** Keys of files that a shallow clone reads. */
  readonly readByClones: ReadonlySet<string>;
}

/** Files with such rows, and those that could not be searched. */
export function filesLeft(
  files: readonly SurveyedFile[],
  options: LeftOptions,
): readonly EraseLeft[] {
  return files.flatMap((file) => {
    const reason = reasonToLeave(file, options);
    return reason === null ? [] : [{ path: keyOf(file), ...reason }];
  });
}

function reasonToLeave(
  file: SurveyedFile,
  { writerMs, readByClones }: LeftOptions,
): Omit<EraseLeft, 'path'> | null {
  const { kind, meta, searched } = file;
  if (searched.kind === 'foreign') {
    return { why: 'it is no Parquet file, and was not searched', untilMs: null };
  }
  if (searched.kind === 'rows' && !isMatched(file)) return null;
  if (readByClones.has(keyOf(file))) return { why: 'a shallow clone reads it', untilMs: null };
  if (kind === 'orphan') {
    const why = 'a writer under way may be about to commit it';
    return { why, untilMs: meta.modifiedMs + writerMs };
  }
  return { why: 'such rows came in meanwhile: erase them again', untilMs: null };
}

/** Manifests that name files which are gone or have such rows, or that lie in the folder of a partition of them. */
export async function manifestsLeft(
  { store }: TableContext,
  { names, files, manifests }: Survey,
  where: Expression,
): Promise<readonly EraseLeft[]> {
  const harmless = new Set(files.filter((file) => !isMatched(file)).map(keyOf));
  const left: EraseLeft[] = [];
  for (const { path, sizeBytes } of manifests) {
    if (!isManifest(path)) continue;
    if (namesErased(names.snapshot, where, path)) {
      const why = 'the catalog may still name the partition; its manifest goes with the next sync';
      left.push({ path, why, untilMs: null });
      continue;
    }
    const bytes = sizeBytes === 0 ? new Uint8Array(0) : (await store.get(path)).bytes;
    const lines = new TextDecoder().decode(bytes).split('\n');
    const isStale = lines.some((line) => {
      const key = keyBelow(encodedRoot(store), line.replaceAll('%', '%25'), { isOwn: false });
      return key !== null && !harmless.has(key);
    });
    if (isStale) left.push({ path, why: 'it names files that are gone', untilMs: null });
  }
  return left;
}
