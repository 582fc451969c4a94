/** What of a table's metadata shows which features it uses. */

import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../base/index.ts';
import { mappingMode } from '../schema/index.ts';
import type { Metadata } from './actions.ts';
import { logCorrupt } from './errors.ts';

export interface TableTraits {
  /** Whether a property is `true`, in any case of letters. */
  readonly isOn: (property: string) => boolean;
  readonly propertyKeys: readonly string[];
  /** Whether columns have other names in files; also by a mode that nobody knows. */
  readonly isMapped: boolean;
  readonly isPartitioned: boolean;
  /** Keys in the metadata of fields, nested ones too. */
  readonly fieldKeys: ReadonlySet<string>;
  /** Names of the primitive types of fields, elements, keys and values, as the schema spells them. */
  readonly typeNames: ReadonlySet<string>;
}

/** A table's metadata is asked at each commit, and seldom changes. */
const KNOWN = new WeakMap<Metadata, TableTraits>();

/** `LOG_CORRUPT` where the schema is no JSON text. */
export function traitsOf(metadata: Metadata): TableTraits {
  const known = KNOWN.get(metadata);
  if (known !== undefined) return known;
  const { configuration, partitionColumns } = metadata;
  const traits = {
    isOn: (property: string) => isOn(metadata, property),
    propertyKeys: Object.keys(configuration),
    isMapped: mappingMode(configuration) !== 'none',
    isPartitioned: partitionColumns.length > 0,
    ...schemaTraits(metadata),
  };
  KNOWN.set(metadata, traits);
  return traits;
}

/** Whether a property of the table is `true`, in any case of letters. */
export function isOn({ configuration }: Pick<Metadata, 'configuration'>, key: string): boolean {
  return configuration[key]?.toLowerCase() === 'true';
}

const TYPE_KEYS: ReadonlySet<string> = new Set(['type', 'elementType', 'keyType', 'valueType']);

function schemaTraits({ schemaString }: Metadata): Pick<TableTraits, 'fieldKeys' | 'typeNames'> {
  const fieldKeys = new Set<string>();
  const typeNames = new Set<string>();
  const visit = (value: JsonValue | undefined): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isJsonObject(value)) visitObject(value);
  };
  const visitObject = (value: JsonObject): void => {
    for (const [key, member] of Object.entries(value)) {
      if (key === 'metadata' && isJsonObject(member)) {
        for (const name of Object.keys(member)) fieldKeys.add(name);
      } else if (typeof member === 'string' && TYPE_KEYS.has(key)) typeNames.add(member);
      else visit(member);
    }
  };
  try {
    visit(parseJson(schemaString));
  } catch (error) {
    throw logCorrupt('metaData', 'schemaString is no JSON text', { cause: error });
  }
  return { fieldKeys, typeNames };
}
