/** The effective configuration for people: every key, its value without passwords, and where it came from. */
import type { EffectiveConfig, Provenance } from "./config.ts";
import { CONFIG_KEYS } from "./schema.ts";

export interface ShownValue {
  /** As `http.listen`. */
  readonly key: string;
  readonly value: unknown;
  /** `default`, the file's place, the environment's variable, or the option. */
  readonly from: string;
  readonly says: string;
}

export function shownConfig({ config, provenance }: EffectiveConfig): readonly ShownValue[] {
  return CONFIG_KEYS.map(({ name, path, schema }) => ({
    key: name,
    value: withoutPasswords(
      path.reduce<unknown>((tree, part) => (tree as Readonly<Record<string, unknown>>)[part], config),
    ),
    from: fromText(provenance.get(name) ?? { from: "default" }),
    says: (schema as { readonly description?: string }).description ?? "",
  }));
}

function fromText(provenance: Provenance): string {
  if (provenance.from === "file") return `${provenance.file}:${provenance.line}:${provenance.column}`;
  if (provenance.from === "environment") return provenance.variable;
  return provenance.from === "option" ? provenance.option : "default";
}

/** A URL may carry a password, against all advice; also one in a list or a map. */
function withoutPasswords(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/^(\w+:\/\/[^/:@]*:)[^/@]+@/, "$1***@");
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutPasswords(inner)]));
}
