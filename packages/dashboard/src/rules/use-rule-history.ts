import type { StoredRecord } from "@tallystick/record";
import type { SearchPage } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { term } from "../page/links.tsx";

/** One change of a rule, as the record of the control log says it. */
export interface RuleChange {
  readonly at: string;
  readonly by: string;
  readonly does: string;
  /** Null: it was no new text. */
  readonly version: string | null;
  readonly text: string | null;
  readonly tree: string;
  readonly leafIndex: number;
}

const MAX_CHANGES = 200;

/** Newest first. */
export function useRuleHistory(id: string) {
  const q = `${term("resource", `rule/${id}`)} AND event_type:CONFIG_CHANGE`;
  const found = useApi<SearchPage>("/api/search", { q, own: true, limit: MAX_CHANGES });
  return { found, changesOf: ({ records }: SearchPage) => records.map(changeOf) };
}

function changeOf({ record, tree, leaf_index: leafIndex }: StoredRecord): RuleChange {
  const { "tallystick.rule_version": version = null, "tallystick.rule_text": text = null } = record.attributes ?? {};
  return {
    at: record.timestamp,
    by: record.auth_subject ?? "",
    does: WORDS[record.operation] ?? record.operation,
    version,
    text,
    tree,
    leafIndex,
  };
}

const WORDS: Readonly<Record<string, string>> = {
  "set rule": "wrote a text",
  "switch rule on": "switched it on",
  "switch rule off": "switched it off",
  "remove rule": "removed it",
};
