/** Rules of several documents together: correlations find their rules, filters theirs. */
import { RuleFault } from "./fault.ts";
import { allOf } from "./syntax.ts";
import type { CorrelationRule, DetectionRule, FilterRule, Logsource, Node, SigmaDocument } from "./syntax.ts";

export type LinkedRule = LinkedDetection | LinkedCorrelation;

export interface LinkedDetection {
  readonly kind: "rule";
  readonly rule: DetectionRule;
  /** With its filters. */
  readonly root: Node;
}

export interface LinkedCorrelation {
  readonly kind: "correlation";
  readonly rule: CorrelationRule;
  readonly of: readonly { readonly reference: string; readonly rule: LinkedRule }[];
}

export type Linked =
  | { readonly kind: "linked"; readonly rule: LinkedRule }
  /** A filter changes other rules and finds nothing itself. */
  | { readonly kind: "filter"; readonly rule: FilterRule }
  | { readonly kind: "refused"; readonly document: SigmaDocument; readonly fault: RuleFault };

const MAX_CHAIN = 8;

/** Each document, in the order given. */
export function linkRules(documents: readonly SigmaDocument[]): readonly Linked[] {
  const linker = new Linker(documents);
  return documents.map((document): Linked => {
    if (document.kind === "filter") return { kind: "filter", rule: document };
    try {
      return { kind: "linked", rule: linker.link(document, []) };
    } catch (error) {
      if (!(error instanceof RuleFault)) throw error;
      return { kind: "refused", document, fault: error };
    }
  });
}

class Linker {
  private readonly filters: readonly FilterRule[];
  private readonly named = new Map<string, (DetectionRule | CorrelationRule)[]>();

  constructor(documents: readonly SigmaDocument[]) {
    this.filters = documents.filter((document) => document.kind === "filter");
    for (const document of documents) {
      if (document.kind === "filter") continue;
      for (const key of new Set([document.id, document.name])) {
        if (key !== null) this.named.set(key, [...(this.named.get(key) ?? []), document]);
      }
    }
  }

  link(document: DetectionRule | CorrelationRule, above: readonly CorrelationRule[]): LinkedRule {
    if (document.kind === "rule") return { kind: "rule", rule: document, root: this.filtered(document) };
    const chain = [...above, document];
    const of = document.rules.map(({ reference, place }) => {
      const found = this.named.get(reference.toLowerCase()) ?? this.named.get(reference) ?? [];
      if (found.length === 0)
        throw new RuleFault(place, `the rule ${JSON.stringify(reference.slice(0, 80))} is not among the rules given`);
      if (found.length > 1)
        throw new RuleFault(place, `several rules are called ${JSON.stringify(reference.slice(0, 80))}`);
      const rule = found[0]!;
      if (rule.kind === "correlation" && chain.includes(rule))
        throw new RuleFault(place, "a correlation cannot be made of itself");
      if (chain.length >= MAX_CHAIN)
        throw new RuleFault(place, `correlations of correlations go ${MAX_CHAIN} deep at most`);
      return { reference, rule: this.link(rule, chain) };
    });
    return { kind: "correlation", rule: document, of };
  }

  private filtered(rule: DetectionRule): Node {
    const applied = this.filters.filter((filter) => appliesTo(filter, rule));
    return applied.length === 0 ? rule.root : allOf([rule.root, ...applied.map(({ root }) => root)]);
  }
}

function appliesTo(filter: FilterRule, rule: DetectionRule): boolean {
  if (!covers(filter.logsource, rule.logsource)) return false;
  if (filter.rules === null) return true;
  return filter.rules.some((name) => name === rule.name || name.toLowerCase() === rule.id || name === rule.title);
}

/** What the wider one does not name is free. */
export function covers(wider: Logsource, narrower: Logsource): boolean {
  return (["category", "product", "service"] as const).every(
    (key) => wider[key] === null || wider[key].toLowerCase() === narrower[key]?.toLowerCase(),
  );
}
