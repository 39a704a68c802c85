/** What the sections of the configuration are made of. */
import { Type } from "typebox";
import type { TSchema } from "typebox";

export const section = <Properties extends Record<string, TSchema>>(description: string, properties: Properties) =>
  Type.Object(properties, { description, additionalProperties: false, default: {} });

export const whole = (description: string, byDefault: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: byDefault, minimum, maximum });

export const text = (
  description: string,
  byDefault: string,
  pattern?: { readonly source: string; readonly says: string },
) =>
  Type.String({
    description,
    default: byDefault,
    maxLength: 4096,
    ...(pattern === undefined ? {} : { pattern: pattern.source, says: pattern.says }),
  });

export const path = (description: string) =>
  text(`${description} Relative paths start at the configuration file's folder.`, "");
export const flag = (description: string) => Type.Boolean({ description, default: false });
export const oneOf = <Values extends string[]>(
  description: string,
  byDefault: Values[number],
  values: readonly [...Values],
) => Type.Enum(values, { description, default: byDefault });
