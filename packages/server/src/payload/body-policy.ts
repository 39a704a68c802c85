/** Which bodies are kept and how: the configuration's rules, compiled. */
import { fits } from "./glob.ts";
import type { FieldPatterns, MatchedFields } from "./glob.ts";
import { parseJsonPath } from "./json-places.ts";
import type { JsonPath } from "./json-places.ts";
import type { Part } from "./payload-meta.ts";

/** As the configuration has it. */
export interface PolicySettings {
  readonly keep: "body" | "digest" | "none";
  readonly max_bytes: number;
  readonly patterns: boolean;
  readonly json_paths: readonly string[];
  readonly form_fields: readonly string[];
  readonly headers: readonly string[];
}

export interface RuleSettings extends Partial<PolicySettings>, FieldPatterns {
  readonly data_class?: string;
  readonly part?: Part;
}

export interface PayloadSettings extends PolicySettings {
  readonly rules: readonly RuleSettings[];
}

export interface BodyPolicy {
  readonly keep: PolicySettings["keep"];
  readonly maxBytes: number;
  /** Whether keys, tokens, card numbers and e-mail addresses are taken out. */
  readonly patterns: boolean;
  readonly jsonPaths: readonly JsonPath[];
  /** Lower case. */
  readonly formFields: ReadonlySet<string>;
  /** Names of attributes, lower case. */
  readonly headers: ReadonlySet<string>;
}

interface Rule {
  readonly settings: RuleSettings;
  readonly policy: BodyPolicy;
}

export class BodyPolicies {
  readonly #rules: readonly Rule[];
  readonly #byDefault: BodyPolicy;
  /** Whether any rule takes header values out, which it does of records without bodies too. */
  readonly redactsHeaders: boolean;

  constructor({ rules, ...settings }: PayloadSettings) {
    this.#byDefault = policyOf(settings);
    this.#rules = rules.map((rule) => ({ settings: rule, policy: policyOf({ ...settings, ...given(rule) }) }));
    this.redactsHeaders = [this.#byDefault, ...this.#rules.map(({ policy }) => policy)].some(
      ({ headers }) => headers.size > 0,
    );
  }

  /** The first rule that fits; without one, what holds for all. `part` is null for a record without a body. */
  of(part: Part | null, fields: MatchedFields, dataClass: string | undefined): BodyPolicy {
    const rule = this.#rules.find(
      ({ settings }) =>
        fits(settings, fields) &&
        (settings.data_class === undefined || settings.data_class === dataClass) &&
        (settings.part === undefined || part === null || settings.part === part),
    );
    return rule?.policy ?? this.#byDefault;
  }
}

function given(rule: RuleSettings): Partial<PolicySettings> {
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined));
}

function policyOf(settings: PolicySettings): BodyPolicy {
  return {
    keep: settings.keep,
    maxBytes: settings.max_bytes,
    patterns: settings.patterns,
    jsonPaths: settings.json_paths.map(parseJsonPath),
    formFields: new Set(settings.form_fields.map((name) => name.toLowerCase())),
    headers: new Set(
      settings.headers.flatMap((name) =>
        ["request", "response"].map((part) => `http.${part}.header.${name.toLowerCase()}`),
      ),
    ),
  };
}
