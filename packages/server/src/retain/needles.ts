/**
 * By which words one recognises that a text repeats an erased leaf: its values as they stand in other records of
 * Tallystick's own, whole, within a call id, within JSON, cut, or some longer word of them.
 */
import { callId, FIELDS } from "@tallystick/record";
import type { AuditRecord, FieldSpec } from "@tallystick/record";

import { STEP_KINDS } from "../alert/alert.ts";
import { FINDING_KINDS, LEVELS } from "../detect/finding.ts";
import { regexLiteral } from "../search/compile/sql.ts";
import { VERDICT_KINDS } from "../tally/verdict.ts";

export interface Needle {
  /** One of them is in every text that repeats it. */
  readonly forms: readonly string[];
  /** A regular expression (of RE2 and of JavaScript) that finds it as words of their own. */
  readonly pattern: string;
  /** False: so common a word that it says nothing by itself. */
  readonly isTelling: boolean;
}

/** Quotes are cut at 256 bytes and more. */
const CUT_BYTES = 200;
const MIN_TELLING_LENGTH = 4;
/** Of a part of a value. */
const MIN_WORD_LENGTH = 6;
const SHORT_NUMBER = /^\d{1,5}$/;
const SAID: ReadonlySet<FieldSpec["kind"]> = new Set(["id", "name", "text", "names", "map"]);
const CONTROL = /\p{Cc}/gu;
const WORD = "[A-Za-z0-9_]";

/** What records of our own say in any case. */
const OUR_WORDS: ReadonlySet<string> = new Set(
  [
    ...LEVELS,
    ...FINDING_KINDS,
    ...STEP_KINDS,
    ...VERDICT_KINDS,
    ...FIELDS.flatMap(({ name, values = [] }) => [name, ...values]),
    ..."ruleId ruleVersion title kind level tags labels state firing resolved startsAtUs seenAtUs summary expected".split(
      " ",
    ),
    ..."seen check silence runbookUrl records count quiet tree leafIndex callId caller callee network token scope".split(
      " ",
    ),
    ..."matched discrepant one_sided unknown_caller none null true false tallystick admin system default".split(" "),
    ..."GET POST PUT PATCH DELETE HEAD OPTIONS SELECT INSERT UPDATE publish consume call calls record records".split(
      " ",
    ),
  ].map((word) => word.toLowerCase()),
);

/** The more there are, the longer the question: what is common to all records is left out. */
export function needlesOf(record: AuditRecord): readonly Needle[] {
  const values = new Set<string>([callId(record)]);
  for (const { name, kind } of FIELDS) {
    if (!SAID.has(kind)) continue;
    const value = record[name as keyof AuditRecord];
    if (typeof value === "string") values.add(value);
    else if (Array.isArray(value)) for (const one of value as readonly string[]) values.add(one);
    else if (typeof value === "object") for (const one of Object.values(value)) values.add(one);
  }
  return [...values].flatMap((value) => (value.trim() === "" || value === "none" ? [] : needlesFor(value)));
}

function needlesFor(value: string): readonly Needle[] {
  const isTelling =
    value.length >= MIN_TELLING_LENGTH && !SHORT_NUMBER.test(value) && !OUR_WORDS.has(value.toLowerCase());
  const whole = needle(value, isTelling, false);
  const start = Buffer.from(value)
    .subarray(0, CUT_BYTES)
    .toString("utf8")
    .replace(/\ufffd+$/, "");
  const words = wordsIn(value).map((word) => needle(word, !OUR_WORDS.has(word.toLowerCase()), false));
  return start === value ? [whole, ...words] : [whole, needle(start, isTelling, true), ...words];
}

/** What somebody may have looked for, who did not know the whole of it. */
function wordsIn(value: string): readonly string[] {
  const words = [...value.split(/[\s/?&=,;:'"()<>[\]{}|]+/), ...value.split(/\W+/)];
  return [...new Set(words)].filter((word) => word !== value && word.length >= MIN_WORD_LENGTH && !/^\d+$/.test(word));
}

function needle(value: string, isTelling: boolean, isCut: boolean): Needle {
  const forms = formsOf(value);
  return { forms, isTelling, pattern: forms.map((form) => asWord(form, isCut)).join("|") };
}

/** As it is, within a call id, and within JSON, which may stand in JSON again and in ASCII alone. */
function formsOf(value: string): readonly string[] {
  const forms = new Set<string>();
  const encoded = value.replaceAll("%", "%25").replaceAll("/", "%2F");
  for (const text of [value, value.replaceAll(CONTROL, " "), encoded]) {
    let form = text;
    for (let depth = 0; depth < JSON_DEPTH; depth++) {
      forms.add(form);
      form = JSON.stringify(form).slice(1, -1);
      forms.add(
        form.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
      );
    }
  }
  return [...forms];
}

/** In a snapshot: the finding, within its record, within the snapshot. */
const JSON_DEPTH = 4;

function asWord(form: string, isCut: boolean): string {
  const before = /^\w/.test(form) ? `(?:^|[^${WORD.slice(1)})` : "";
  const after = !isCut && /\w$/.test(form) ? `(?:$|[^${WORD.slice(1)})` : "";
  return `${before}${regexLiteral(form)}${after}`;
}
