/**
 * Which files of a clustered table are laid out anew. What was laid out together is a cube, as Spark calls it; a cube is
 * left alone as long as what came since is much less, so that no row is written more often than the logarithm of the table.
 */

import type { AddFile } from '../../log/index.ts';
import { cubeOf, isClusteredByOthers } from './cube-marks.ts';
import type { Layout } from './optimize-layout.ts';

/** Rows of a cube this large are not laid out again with others. As Spark has it. */
const CUBE_BYTES_MIN = 100 * 1024 ** 3;
/** What is laid out together at most. As Spark has it. */
const CUBE_BYTES_MAX = 150 * 1024 ** 3;

/** Bins of files that become a cube each; none where all is laid out well enough. */
export function filesToCluster(
  files: readonly AddFile[],
  { columns, full }: Extract<Layout, { readonly kind: 'cluster' }>,
): readonly (readonly AddFile[])[] {
  const names = JSON.stringify(columns.map(({ name }) => name));
  const fresh: AddFile[] = [];
  const foreign: AddFile[] = [];
  const cubes = new Map<string, AddFile[]>();
  for (const add of files) {
    const cube = cubeOf(add);
    if (isClusteredByOthers(add)) foreign.push(add);
    else if (cube === null) fresh.push(add);
    else if (JSON.stringify(cube.columns) !== names) foreign.push(add);
    else {
      const known = cubes.get(cube.id);
      if (known === undefined) cubes.set(cube.id, [add]);
      else known.push(add);
    }
  }
  const others = full ? [...fresh, ...foreign] : fresh;
  const partial = [...cubes.values()].filter((cube) => sizeOf(cube) < CUBE_BYTES_MIN);
  const merged = full ? partial : withinReach(partial, sizeOf(others));
  if (others.length === 0 && merged.length < 2) return [];
  return cutInCubes([...others, ...merged.flat()]);
}

/** The smallest cubes first, each as long as what is laid out anew in any case is as large. */
function withinReach(
  cubes: readonly (readonly AddFile[])[],
  freshBytes: number,
): readonly (readonly AddFile[])[] {
  let sizeBytes = freshBytes;
  const reached: (readonly AddFile[])[] = [];
  for (const cube of cubes.toSorted((a, b) => sizeOf(a) - sizeOf(b))) {
    const own = sizeOf(cube);
    if (own > sizeBytes) break;
    reached.push(cube);
    sizeBytes += own;
  }
  return reached;
}

function cutInCubes(files: readonly AddFile[]): readonly (readonly AddFile[])[] {
  const cubes: AddFile[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const add of files) {
    if (sizeBytes + add.size > CUBE_BYTES_MAX) {
      cubes.push([]);
      sizeBytes = 0;
    }
    cubes.at(-1)?.push(add);
    sizeBytes += add.size;
  }
  return cubes;
}

function sizeOf(files: readonly AddFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
