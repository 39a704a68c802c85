import type { FastifySchemaValidationError } from "fastify";

/** What of a request a schema is for, as its sender calls it. */
const PARTS: Readonly<Record<string, string>> = {
  querystring: "query string",
  params: "path",
  headers: "header",
  body: "body",
};

/**
 * What a schema found, said so that it can be mended without reading the schema: which name is wrong and what it may
 * be. Holds names, bounds and allowed values, never what was sent but a name that is not known.
 */
export function schemaFault(part: string, faults: readonly FastifySchemaValidationError[]): string {
  const said = [...new Set(phrases(faults))];
  return `The ${PARTS[part] ?? part} is not valid: ${said.length === 0 ? "it does not fit" : said.join(", or ")}.`;
}

function phrases(faults: readonly FastifySchemaValidationError[]): readonly string[] {
  const constants = new Map<string, unknown[]>();
  for (const { keyword, instancePath, params } of faults) {
    if (keyword === "const")
      constants.set(instancePath, [...(constants.get(instancePath) ?? []), params["allowedValue"]]);
  }
  return faults.flatMap((fault) => {
    const name = nameOf(fault.instancePath);
    if (fault.keyword === "anyOf" || fault.keyword === "oneOf") return faults.length > 1 ? [] : [phrase(fault, name)];
    if (fault.keyword !== "const") return [phrase(fault, name)];
    return [`${name} must be ${oneOf(constants.get(fault.instancePath) ?? [])}`];
  });
}

function phrase({ keyword, params, message }: FastifySchemaValidationError, name: string): string {
  const [required, extra, allowed] = [params["missingProperty"], params["additionalProperty"], params["allowedValues"]];
  if (keyword === "required") return `${below(name, required)} is missing`;
  if (keyword === "additionalProperties") return `${below(name, extra)} is not known here`;
  if (keyword === "enum" && Array.isArray(allowed)) return `${name} must be ${oneOf(allowed)}`;
  return `${name} ${message ?? "does not fit"}`;
}

/** `/scope/logs/0` as `scope.logs.0`; of the whole, `it`. */
function nameOf(instancePath: string): string {
  return instancePath === "" ? "it" : instancePath.slice(1).replaceAll("/", ".");
}

function below(name: string, property: unknown): string {
  const shown = JSON.stringify(String(property).slice(0, MAX_NAME_SHOWN)).slice(1, -1);
  return name === "it" ? shown : `${name}.${shown}`;
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  return shown.length === 1 ? `${shown[0]}` : `one of ${shown.join(", ")}`;
}

const MAX_NAME_SHOWN = 100;
