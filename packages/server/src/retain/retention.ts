/**
 * How long a log's records are kept. `keep` is a minimum: a tree goes `keep` after its last record can have been
 * received, so a record lives up to `keep` and one epoch. What is configured is checked before anything is opened: a
 * maximum that this would break, or a preset that asks for more, is refused.
 */
import { TallystickError } from "../errors.ts";
import { epochAt, epochEndUs, epochStartUs } from "../journal/epochs.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import { afterPeriodUs, mayExceed, parsePeriod, periodText } from "./period.ts";
import type { Period } from "./period.ts";

export interface Retention {
  readonly keep: Period;
  /** The shorter time that the configuration says and that waits for a second person; absent: none does. */
  readonly askedKeep?: Period;
  /** Longest time that a record may be there; null: no such limit. */
  readonly maximum: Period | null;
  /** How long a tree stays in the index; null: as long as it is there. */
  readonly indexKeep: Period | null;
  readonly preset: PresetName | null;
}

export type PresetName = "pci-dss" | "hipaa";

export interface Preset {
  /** Shortest time that its clause takes. */
  readonly keep: Period;
  /** What has to be at hand without bringing it back; null: nothing is said of it. */
  readonly atHand: Period | null;
  readonly clause: string;
}

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  "pci-dss": {
    keep: { count: 12, unit: "months" },
    atHand: { count: 3, unit: "months" },
    clause:
      "PCI DSS 4.0.1, 10.5.1: audit log history for at least 12 months, the most recent 3 immediately available for analysis",
  },
  hipaa: {
    keep: { count: 6, unit: "years" },
    atHand: null,
    clause:
      "45 CFR 164.316(b)(2)(i): 6 years; it governs the documentation of policies and of the actions that they require",
  },
};

/** One of them leaps. */
const DAYS_IN_FOUR_YEARS = 1_461;

/** As the configuration has it. */
export interface RetentionText {
  readonly keep: string;
  readonly maximum: string;
  readonly index_keep: string;
  readonly preset: string;
}

/**
 * One log's retention; an empty text means that nothing is said. TallystickError `config_invalid` naming the key when
 * it cannot be kept.
 */
export function retentionOf(key: string, text: RetentionText, byDefault: Period, epoch: EpochPolicy): Retention {
  const preset = text.preset === "" ? null : (text.preset as PresetName);
  const said = preset === null ? null : PRESETS[preset];
  const keep = period(`${key}.keep`, text.keep) ?? said?.keep ?? byDefault;
  const maximum = period(`${key}.maximum`, text.maximum);
  const indexKeep = period(`${key}.index_keep`, text.index_keep);
  if (said !== null) refuseLessThan(key, { keep, indexKeep }, said);
  if (maximum !== null && livesLongerThan(keep, epoch, maximum))
    throw refused(
      `${key}.maximum: a record may be there for ${periodText(keep)} and one epoch, which is more than ${periodText(maximum)}.`,
      "Shorten keep, choose shorter epochs (ledger.epoch, ledger.epochs), or raise maximum.",
    );
  return { keep, maximum, indexKeep, preset };
}

/** Whether a record that came at an epoch's beginning outlives the maximum, kept from the epoch's end on. */
function livesLongerThan(keep: Period, epoch: EpochPolicy, maximum: Period): boolean {
  for (let day = 0; day < DAYS_IN_FOUR_YEARS; day += 1) {
    const name = epochAt(epoch, Date.UTC(2024, 0, 1 + day) * 1_000);
    const startUs = epochStartUs(name)!;
    const endUs = epochEndUs(name) ?? startUs + (epoch.kind === "duration" ? epoch.seconds * 1_000_000 : 0);
    if (afterPeriodUs(endUs, keep) > afterPeriodUs(startUs, maximum)) return true;
  }
  return false;
}

function refuseLessThan(key: string, { keep, indexKeep }: Pick<Retention, "keep" | "indexKeep">, preset: Preset): void {
  const hint = `The preset's clause: ${preset.clause}.`;
  if (mayExceed(preset.keep, keep))
    throw refused(`${key}.keep: ${periodText(keep)} is less than its preset asks for.`, hint);
  if (preset.atHand !== null && indexKeep !== null && mayExceed(preset.atHand, indexKeep))
    throw refused(`${key}.index_keep: ${periodText(indexKeep)} is less than its preset asks for.`, hint);
}

function period(key: string, text: string): Period | null {
  if (text === "") return null;
  const parsed = parsePeriod(text);
  if (parsed === null) throw refused(`${key}: ${text} is no period.`, "Write it as 13 months, 6 years or 90 days.");
  return parsed;
}

function refused(message: string, hint: string): TallystickError {
  return new TallystickError("config_invalid", message, { hint });
}
