/**
 * Which matches of the rules a range is asked about. What ruled a rule out over one range rules it out over the next,
 * mostly, so that only that is asked about; of what would do as well, what is asked for other rules anyhow. Whatever
 * is not asked about may be there.
 */
import { askedMatches, ruledOutBy } from "./sigma/held.ts";
import type { Held } from "./sigma/held.ts";
import type { LinkedRule } from "./sigma/link.ts";
import type { Match } from "./sigma/syntax.ts";

export class AskedMatches {
  /** By what each rule was ruled out over the range before; without: all of its matches are asked about. */
  readonly #reasons = new WeakMap<LinkedRule, readonly Match[]>();

  of(rules: readonly LinkedRule[]): readonly Match[] {
    return rules.flatMap((rule) => this.#reasons.get(rule) ?? askedMatches(rule));
  }

  /** The rules that may find something in a range of which that was asked. */
  ableIn(held: Held, rules: readonly LinkedRule[]): ReadonlySet<LinkedRule> {
    const asked = new Map<string, number>();
    const isRuledOut = (rule: LinkedRule): boolean => {
      const reason = ruledOutBy(rule, held, asked);
      if (reason === null) {
        this.#reasons.delete(rule);
        return false;
      }
      for (const [one, cost] of reason.asked) asked.set(one, cost);
      this.#reasons.set(rule, reason.matches);
      return true;
    };
    // Of the shorter there is less to choose among.
    const matches = new Map(rules.map((rule) => [rule, askedMatches(rule).length]));
    const byLength = rules.toSorted((one, other) => matches.get(one)! - matches.get(other)!);
    return new Set(byLength.filter((rule) => !isRuledOut(rule)));
  }
}
