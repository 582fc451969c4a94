/** Which sidecars the checkpoints of a log name. PROTOCOL.md, "Sidecar Files". */

import { isJsonObject } from '../base/index.ts';
import { type CheckpointFiles, parseCommit, sidecarPath } from '../log/index.ts';
import type { ObjectStore } from '../store/index.ts';

/** The paths of all sidecars that these checkpoints name. Errors: those of reading a checkpoint's own files. */
export async function referencedSidecars(
  store: ObjectStore,
  checkpoints: readonly CheckpointFiles[],
): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  for (const { kind, files } of checkpoints) {
    if (kind === 'parts') continue;
    for (const file of files) {
      const named = file.path.endsWith('.json')
        ? await namedInJson(store, file.path)
        : await namedInParquet(store, file);
      for (const path of named) paths.add(sidecarPath(path));
    }
  }
  return paths;
}

async function namedInJson(store: ObjectStore, path: string): Promise<readonly string[]> {
  const { bytes } = await store.get(path);
  return parseCommit(bytes, path).flatMap((action) => {
    const sidecar = action.kind === 'unknown' ? action.line['sidecar'] : undefined;
    const named = isJsonObject(sidecar) ? sidecar['path'] : undefined;
    return typeof named === 'string' ? [named] : [];
  });
}

async function namedInParquet(
  store: ObjectStore,
  file: { readonly path: string; readonly sizeBytes: number },
): Promise<readonly string[]> {
  const { readFooter, readRows, storeSource } = await import('../parquet/index.ts');
  const source = storeSource(store, file.path, file);
  const footer = await readFooter(source);
  if (!footer.columns.some(({ name }) => name === 'sidecar')) return [];
  const paths: string[] = [];
  for await (const { sidecar } of readRows(source, footer, { columns: [['sidecar', 'path']] })) {
    const path = isStruct(sidecar) ? sidecar['path'] : undefined;
    if (typeof path === 'string') paths.push(path);
  }
  return paths;
}

function isStruct(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
