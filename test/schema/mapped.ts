/** Schemas under column mapping, to test with. */

import type { DataType, StructField, StructType } from '../../src/schema/index.ts';

/** The same columns with ids from 1 on, outer fields before inner ones, and physical names `col-<id>`. */
export function mapped(schema: StructType): StructType {
  let last = 0;
  const mapField = (field: StructField): StructField => {
    last += 1;
    const metadata = {
      'delta.columnMapping.id': last,
      'delta.columnMapping.physicalName': `col-${String(last)}`,
    };
    return { ...field, metadata, type: mapType(field.type) };
  };
  const mapType = (type: DataType): DataType => {
    if (type.kind === 'struct') return { ...type, fields: type.fields.map(mapField) };
    if (type.kind === 'array') return { ...type, element: mapType(type.element) };
    if (type.kind === 'map') return { ...type, key: mapType(type.key), value: mapType(type.value) };
    return type;
  };
  return { ...schema, fields: schema.fields.map(mapField) };
}
