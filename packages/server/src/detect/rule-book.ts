/**
 * The rules that there are: our own pack and what people added, each with its version and whether it is switched on.
 * What runs is what was said last; a change is a record of the control log before it takes effect.
 */
import { parseAllDocuments } from "yaml";

import { TallystickError } from "../errors.ts";
import type { RuleChanges, RuleState } from "../control/rule-changes.ts";
import { MAX_OWN_RULES, MAX_RULE_TEXT_BYTES } from "./limits.ts";
import { isMeasureText, readMeasure } from "./measure/read-measure.ts";
import type { Measure } from "./measure/read-measure.ts";
import { checkRules } from "./sigma/check.ts";
import type { CheckSettings, RuleFile } from "./sigma/check.ts";
import { RuleFault } from "./sigma/fault.ts";
import type { LinkedRule } from "./sigma/link.ts";
import type { Heading } from "./sigma/syntax.ts";

export interface Rule {
  readonly id: string;
  readonly version: number;
  readonly kind: "sigma" | "measure";
  readonly origin: "builtin" | "own";
  readonly on: boolean;
  readonly heading: Heading;
  /** What runs: of Sigma, of a measure. */
  readonly sigma: LinkedRule | null;
  readonly measure: Measure | null;
  readonly text: string;
  readonly changedBy: string | null;
  readonly changedAt: string | null;
}

type ReadRule = Pick<Rule, "id" | "kind" | "heading" | "sigma" | "measure">;

/** From this level on our own rules are switched on while nobody says otherwise; measures always are. */
const ON_LEVELS: ReadonlySet<string> = new Set(["high", "critical"]);

export class RuleBook {
  readonly #pack: readonly RuleText[];
  readonly #changes: RuleChanges;
  readonly #settings: CheckSettings;
  #rules: readonly Rule[];
  /** What texts say: a change of one rule compiles no other anew. */
  #texts: ReadonlyMap<string, ReadRule | RuleFault> = new Map();

  constructor(pack: readonly RuleFile[], changes: RuleChanges, settings: CheckSettings) {
    this.#pack = pack.map(({ text }) => builtinText(text ?? ""));
    this.#changes = changes;
    this.#settings = settings;
    this.#rules = this.#read();
    changes.onChange(() => (this.#rules = this.#read()));
  }

  list(): readonly Rule[] {
    return this.#rules;
  }

  find(id: string): Rule | null {
    return this.#rules.find((rule) => rule.id === id) ?? null;
  }

  /** What a text says, or where and why it is refused. */
  check(text: string): ReadRule | RuleFault {
    if (Buffer.byteLength(text) > MAX_RULE_TEXT_BYTES)
      return new RuleFault({ line: 1, column: 1 }, `a rule has at most ${MAX_RULE_TEXT_BYTES} bytes`);
    return readRuleText(text, this.#settings);
  }

  /** What a text says, tried like any rule. TallystickError `bad_request` with the place where it is refused. */
  read(text: string): ReadRule {
    const read = this.check(text);
    if (!(read instanceof RuleFault)) return read;
    const { line, column } = read.place;
    throw new TallystickError("bad_request", `The rule is refused at line ${line}, column ${column}: ${read.message}`, {
      at: { line: String(line), column: String(column) },
    });
  }

  async set(by: string, text: string): Promise<Rule> {
    const { id } = this.read(text);
    if (this.find(id)?.origin === "builtin")
      throw new TallystickError("name_taken", `The rule ${id} is one of Tallystick's own.`, {
        hint: "Give yours an id of its own, and switch the other one off.",
      });
    const own = this.#rules.filter(({ origin }) => origin === "own");
    if (own.length >= MAX_OWN_RULES && !own.some((rule) => rule.id === id))
      throw new TallystickError("bad_request", `There are ${MAX_OWN_RULES} rules already; remove one first.`);
    await this.#changes.set(by, id, text);
    return this.find(id)!;
  }

  async switchTo(by: string, id: string, on: boolean): Promise<Rule | null> {
    if (this.find(id) === null) return null;
    await this.#changes.switchTo(by, id, on);
    return this.find(id);
  }

  /** False when there is none of that id. TallystickError `bad_request` of our own ones. */
  async remove(by: string, id: string): Promise<boolean> {
    const rule = this.find(id);
    if (rule === null) return false;
    if (rule.origin === "builtin")
      throw new TallystickError("bad_request", "Tallystick's own rules cannot be removed; switch it off instead.");
    await this.#changes.remove(by, id);
    return true;
  }

  #read(): readonly Rule[] {
    const texts = new Map<string, ReadRule | RuleFault>();
    const read = (text: string): ReadRule | RuleFault => {
      const known = this.#texts.get(text) ?? readRuleText(text, this.#settings);
      texts.set(text, known);
      return known;
    };
    const states = new Map(this.#changes.list().map((state) => [state.id, state]));
    const builtin = this.#pack.flatMap((text) => ruleOf(text, states, read));
    const ids = new Set(builtin.map(({ id }) => id));
    const own = [...states.values()].flatMap(({ id, text, removed, version }) =>
      text === null || removed || ids.has(id) ? [] : ruleOf({ text, origin: "own", version }, states, read),
    );
    this.#texts = texts;
    return [...builtin, ...own];
  }
}

type RuleText = Pick<Rule, "text" | "origin" | "version">;

/** Rules that this version no longer takes are left out, as they would be refused now. */
function ruleOf(
  { text, origin, version }: RuleText,
  states: ReadonlyMap<string, RuleState>,
  readText: (text: string) => ReadRule | RuleFault,
): readonly Rule[] {
  const read = readText(text);
  if (read instanceof RuleFault) return [];
  const state = states.get(read.id);
  const byDefault = origin === "builtin" && (read.kind === "measure" || ON_LEVELS.has(read.heading.level));
  return [
    {
      ...read,
      version,
      origin,
      on: state?.on ?? byDefault,
      text,
      changedBy: state?.changedBy ?? null,
      changedAt: state?.changedAt ?? null,
    },
  ];
}

function builtinText(text: string): RuleText {
  const version = (parseAllDocuments(text)[0]?.toJS() as { readonly version?: unknown } | null)?.version;
  return { text, origin: "builtin", version: typeof version === "number" ? version : 1 };
}

/** The first document is the rule; the others are what it is made of. */
function readRuleText(text: string, settings: CheckSettings): ReadRule | RuleFault {
  try {
    if (isMeasureText(text)) {
      const measure = readMeasure(text);
      return { id: idOf(measure.heading), kind: "measure", heading: measure.heading, sigma: null, measure };
    }
    const checked = checkRules([{ file: "rule", text }], settings);
    const fault = checked.find((rule) => rule.fault !== null)?.fault;
    if (fault) return fault;
    const linked = checked[0]?.rule ?? null;
    if (linked === null) return new RuleFault({ line: 1, column: 1 }, "there is no rule that finds anything by itself");
    return { id: idOf(linked.rule), kind: "sigma", heading: linked.rule, sigma: linked, measure: null };
  } catch (error) {
    if (error instanceof RuleFault) return error;
    throw error;
  }
}

function idOf({ id, place }: Heading): string {
  if (id === null) throw new RuleFault(place, "a rule that runs needs an id, by which its alerts are known");
  return id;
}
