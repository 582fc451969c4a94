/** Schemas in which variants have a form that the engine knows. */

import {
  BINARY,
  type DataType,
  STRING,
  type StructField,
  type StructType,
} from '../../schema/index.ts';

/** `json`: as JSON text; `binary`: as a struct of `metadata` and `value`, as files hold them. */
export type VariantForm = 'json' | 'binary';

const BINARY_VARIANT: StructType = {
  kind: 'struct',
  fields: ['metadata', 'value'].map((name) => ({
    name,
    type: BINARY,
    nullable: true,
    metadata: {},
  })),
};

/** The schema with that form for each variant; the same object where it has none. */
export function withVariantsAs(schema: StructType, form: VariantForm): StructType {
  if (!schema.fields.some(({ type }) => holdsVariant(type))) return schema;
  const fields = schema.fields.map((field): StructField => ({
    ...field,
    type: typeAs(field.type, form),
  }));
  return { ...schema, fields };
}

export function holdsVariant(type: DataType): boolean {
  if (type.kind === 'struct') return type.fields.some((field) => holdsVariant(field.type));
  if (type.kind === 'array') return holdsVariant(type.element);
  if (type.kind === 'map') return holdsVariant(type.key) || holdsVariant(type.value);
  return isVariant(type);
}

export function isVariant(type: DataType): boolean {
  return type.kind === 'primitive' && type.name === 'variant';
}

export function typeAs(type: DataType, form: VariantForm): DataType {
  if (isVariant(type)) return form === 'json' ? STRING : BINARY_VARIANT;
  if (type.kind === 'struct') return withVariantsAs(type, form);
  if (type.kind === 'array') return { ...type, element: typeAs(type.element, form) };
  if (type.kind !== 'map') return type;
  return { ...type, key: typeAs(type.key, form), value: typeAs(type.value, form) };
}
