/** What the configuration's defaults are to intake, for tests. */
import type { AmendSettings } from "./amend.ts";

const SETTINGS: AmendSettings = {
  payloads: {
    keep: "body",
    max_bytes: 262_144,
    patterns: true,
    json_paths: [],
    form_fields: [],
    headers: [],
    rules: [],
  },
  classify: [],
};

export const NO_AMENDMENTS = JSON.stringify(SETTINGS);

export function amendmentsOf(payloads: Partial<AmendSettings["payloads"]>, classify: AmendSettings["classify"] = []) {
  return JSON.stringify({ payloads: { ...SETTINGS.payloads, ...payloads }, classify } satisfies AmendSettings);
}
