/** Whether files of rules of either kind can be run: measures stand by themselves, all others are checked together. */
import { isMeasureText, readMeasure } from "./measure/read-measure.ts";
import { checkRules } from "./sigma/check.ts";
import type { CheckedRule, CheckSettings, RuleFile } from "./sigma/check.ts";
import { RuleFault } from "./sigma/fault.ts";

/** One of each document, in the order of the files. Nothing is thrown. */
export function checkTexts(files: readonly RuleFile[], settings: CheckSettings = {}): readonly CheckedRule[] {
  const isMeasure = ({ text }: RuleFile): boolean => text !== null && isMeasureText(text);
  const others = checkRules(
    files.filter((file) => !isMeasure(file)),
    settings,
  );
  let next = 0;
  return files.flatMap((file) => {
    if (isMeasure(file)) return [checkMeasure(file)];
    const from = next;
    while (others[next]?.file === file.file) next += 1;
    return others.slice(from, next);
  });
}

function checkMeasure({ file, text }: RuleFile): CheckedRule {
  try {
    const { id, title } = readMeasure(text ?? "").heading;
    return { file, id, title, fault: null, rule: null };
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    return { file, id: null, title: null, fault: error, rule: null };
  }
}
