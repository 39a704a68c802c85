/** What the states of calls, the kinds of breaks and the standings of records mean, in words. */

export interface Meaning {
  readonly title: string;
  readonly says: string;
  readonly tone: "good" | "bad" | "warn" | "quiet";
}

const STATES: Readonly<Record<string, Meaning>> = {
  matched: { title: "matched", says: "Both sides recorded it, and what they say agrees.", tone: "good" },
  discrepant: { title: "discrepant", says: "Both sides recorded it, and they disagree.", tone: "bad" },
  unpaired_caller: { title: "caller only", says: "The callee records its calls, and not this one.", tone: "bad" },
  unpaired_callee: {
    title: "callee only",
    says: "The caller it names records its calls, and not this one.",
    tone: "bad",
  },
  one_sided: { title: "one side", says: "The other side never records: a database, or a third party.", tone: "quiet" },
  unknown_caller: { title: "unknown caller", says: "Nobody knows who called.", tone: "warn" },
  pending: { title: "pending", says: "The other half may still come.", tone: "quiet" },
  paired: { title: "paired", says: "Both halves are there; they are compared when it is due.", tone: "quiet" },
};

export function stateMeaning(state: string): Meaning {
  return STATES[state] ?? { title: state, says: "", tone: "quiet" };
}

const STANDINGS: Readonly<Record<string, Meaning>> = {
  authenticated: { title: "authenticated", says: "who sent it may speak for this recorder", tone: "good" },
  relayed: { title: "relayed", says: "a relay that may carry its records sent it", tone: "warn" },
  claimed: { title: "claimed", says: "who sent it is not known to speak for this recorder", tone: "bad" },
};

export function standingMeaning(standing: string): Meaning {
  return STANDINGS[standing] ?? { title: standing, says: "", tone: "quiet" };
}

const BREAKS: Readonly<Record<string, string>> = {
  unpaired_caller: "only the caller recorded it",
  unpaired_callee: "only the callee recorded it: whoever called did not say so",
  late_success: "the caller gave up, and the callee went through with it",
  replay: "the same call was carried out more than once",
  discrepancy_status: "the two sides tell of different outcomes",
  discrepancy_operation: "the two sides tell of different operations",
  discrepancy_request_digest: "what was asked is not what arrived",
  discrepancy_response_digest: "what was answered is not what arrived",
  discrepancy_size: "the two sides tell of different sizes",
  discrepancy_identity: "who the caller claims to be is not who was seen",
  discrepancy_time: "the two sides' times cannot both be right",
  coverage: "one side records only some of the calls",
  clock_skew: "the clocks of the two sides differ",
};

export function breakMeaning(kind: string): string {
  return BREAKS[kind] ?? kind.replaceAll("_", " ");
}

export const TONES: Readonly<Record<Meaning["tone"], string>> = {
  good: "bg-good-ground text-good",
  bad: "bg-bad-ground text-bad",
  warn: "bg-warn-ground text-warn",
  quiet: "bg-raised text-quiet",
};
