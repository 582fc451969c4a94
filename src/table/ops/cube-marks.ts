/** What files say of having been clustered: their tags (PROTOCOL.md, "Clustered Table"), as Spark writes them. */

import { type JsonValue, parseJson } from '../../base/index.ts';
import type { AddFile } from '../../log/index.ts';

/** Rows of a file that came to it by being clustered, as Spark marks them. */
export interface Cube {
  readonly id: string;
  /** The names of the columns by which its rows are laid out. */
  readonly columns: readonly string[];
}

const CUBE_ID = 'ZCUBE_ID';
const CUBE_COLUMNS = 'ZCUBE_ZORDER_BY';
const PROVIDER = 'liquid';

/** The cube that a file is of; null where it is in none. */
export function cubeOf({ tags }: Pick<AddFile, 'tags'>): Cube | null {
  const id = tags?.[CUBE_ID] ?? null;
  const columns = textsOf(tags?.[CUBE_COLUMNS] ?? null);
  return id === null || columns === null ? null : { id, columns };
}

/** Whether another implementation than Delta's own has clustered the file. */
export function isClusteredByOthers({ clusteringProvider }: AddFile): boolean {
  return clusteringProvider !== undefined && clusteringProvider !== PROVIDER;
}

/** What an `add` of a cube says of it. PROTOCOL.md, "Writer Requirements for Clustered Table". */
export function cubeMarks({
  id,
  columns,
}: Cube): Required<Pick<AddFile, 'tags' | 'clusteringProvider'>> {
  return {
    tags: { [CUBE_ID]: id, [CUBE_COLUMNS]: JSON.stringify(columns) },
    clusteringProvider: PROVIDER,
  };
}

function textsOf(text: string | null): readonly string[] | null {
  const value = text === null ? null : jsonIn(text);
  if (!Array.isArray(value)) return null;
  const texts = value.filter((it) => typeof it === 'string');
  return texts.length === value.length ? texts : null;
}

/** What a text that others may have written says in JSON; null where it is none. */
export function jsonIn(text: string): JsonValue | null {
  try {
    return parseJson(text);
  } catch {
    // Tags are free text: what is no JSON says nothing.
    return null;
  }
}
