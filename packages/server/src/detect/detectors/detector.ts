/** What each built-in detector is called, how grave it is, and how one checks and silences what it finds. */
import type { Finding, FindingRecord, Level } from "../finding.ts";

export interface Detector {
  /** `builtin/<name>`. */
  readonly name: string;
  readonly title: string;
  readonly level: Level;
  readonly tags: readonly string[];
  /** It compares with what was learned: in a log's first days it learns and tells nobody. */
  readonly learns: boolean;
  /** Kinds of facts that it learns from. */
  readonly facts: readonly string[];
  readonly check: string;
  readonly silence: string;
}

const TEACH = "Say that it is expected: `tallystick detectors teach`, with the reason; it is a record.";

const detector = (
  name: string,
  title: string,
  level: Level,
  tags: readonly string[],
  rest: Partial<Pick<Detector, "learns" | "facts">> & Pick<Detector, "check" | "silence">,
): Detector => ({ learns: false, facts: [], name, title, level, tags, ...rest });

export const DETECTORS: readonly Detector[] = [
  detector("claim-against-principal", "Records under another service's name", "high", ["attack.t1036"], {
    check: "Ask who holds the sender's key, and search observed_standing:claimed by this principal.",
    silence: "Bind the key to the service it speaks for, or make it a relay that may carry it.",
  }),
  detector("credential-shared", "A credential is used by a second service", "high", ["attack.t1078", "attack.t1550"], {
    learns: true,
    facts: ["credential_caller"],
    check: "Compare both services' deployments: does the second one have this credential on purpose?",
    silence: `Give the second service a credential of its own. Else: ${TEACH}`,
  }),
  detector("credential-moved", "A credential comes from a network it never came from", "medium", ["attack.t1078"], {
    learns: true,
    facts: ["credential_network"],
    check: "Is the address one of yours? Was the service moved or scaled at that time?",
    silence: `Name the service's ranges in \`networks\` of the configuration. Else: ${TEACH}`,
  }),
  detector(
    "producer-moved",
    "A sender's records come from a network they never came from",
    "medium",
    ["attack.t1078"],
    {
      learns: true,
      facts: ["principal_network"],
      check: "Is the address one of yours? Was the sender moved at that time?",
      silence: `Name its ranges in \`networks\` of the configuration. Else: ${TEACH}`,
    },
  ),
  detector("replay", "A nonce or a signature is used a second time", "critical", ["attack.t1550"], {
    check: "Open both calls: the same client sends a retry with the same call id, a replay has another one.",
    silence: "Make the client sign each attempt anew; there is no right way to silence a replay.",
  }),
  detector(
    "token-replayed",
    "A token is used by another service or from another network",
    "high",
    ["attack.t1550.001"],
    {
      facts: ["token_caller", "token_network"],
      check: "Open the first and the newest call with this token; tokens are handed to one service.",
      silence: `Bind tokens to keys (cnf) so that passing them on fails. Else: ${TEACH}`,
    },
  ),
  detector(
    "token-other-key",
    "A token is used with another key than it is bound to",
    "critical",
    ["attack.t1550.001"],
    {
      facts: ["token_key"],
      check: "Revoke the token; find where the first holder's memory or logs could have given it away.",
      silence: "There is no right way to silence it: a bound token belongs to one key.",
    },
  ),
  detector(
    "callee-only",
    "A callee records calls that their caller does not",
    "high",
    ["attack.t1036", "attack.t1199"],
    {
      check: "Is the named caller alive and complete (`tallystick producers`)? If so, somebody else made the calls.",
      silence: "Declare a caller that never records: `tallystick parties set`.",
    },
  ),
  detector("caller-only", "A caller records calls that their callee does not", "medium", ["attack.t1562.006"], {
    check: "Is the callee alive and complete (`tallystick producers`)? Did the calls reach somebody else?",
    silence: "Declare a callee that never records: `tallystick parties set`.",
  }),
  detector("discrepancy", "Both ends of calls say different things", "medium", ["attack.t1565", "attack.t1557"], {
    check: "Open one call side by side (`tallystick tally`); a proxy between them may rewrite.",
    silence: "Raise the tolerance in `tally`, or make the proxy record its own span.",
  }),
  detector(
    "first-seen-edge",
    "A service calls one that it never called",
    "medium",
    ["attack.t1021", "attack.lateral_movement"],
    {
      learns: true,
      facts: ["edge"],
      check: "Was a change deployed that needs this call? Who merged it?",
      silence: TEACH,
    },
  ),
  detector("first-seen-service", "A service that was never seen before", "low", ["attack.t1199"], {
    learns: true,
    facts: ["service"],
    check: "Was it deployed on purpose? Its edges of the first day are part of this one finding.",
    silence: TEACH,
  }),
  detector(
    "first-seen-caller",
    "A sensitive operation is called by one who never called it",
    "high",
    ["attack.t1213"],
    {
      learns: true,
      facts: ["sensitive"],
      check: "Does the service need this operation? Open the first call.",
      silence: TEACH,
    },
  ),
  detector("use-after-revocation", "A revoked credential is used", "critical", ["attack.t1078"], {
    check:
      "An accepted call means that the callee does not know of the revocation yet; a denied one that somebody tries.",
    silence: "There is no right way to silence it; a new credential has a new id.",
  }),
  detector("use-after-expiry", "An expired credential is accepted", "high", ["attack.t1078"], {
    check: "The callee does not check expiry, or its clock is wrong: look at the clock skew of the pair.",
    silence: "Make the callee check; renew the credential.",
  }),
  detector("scope-growth", "A service's credentials permit more than they ever did", "high", ["attack.t1098"], {
    learns: true,
    facts: ["scope"],
    check: "Who granted the scope at the issuer, and for which change?",
    silence: TEACH,
  }),
  detector("dormant-credential", "A credential is used again after a long rest", "medium", ["attack.t1078"], {
    facts: ["credential"],
    check: "Is there a job that runs so rarely? If not, somebody found an old credential.",
    silence: `Revoke credentials that nobody needs; raise \`detectors.dormant_after\`. Else: ${TEACH}`,
  }),
  detector("producer-gap", "Records of a producer are missing", "high", ["attack.t1562.006", "attack.t1070"], {
    check: "`tallystick producers` shows the missing numbers; look at the producer's spool and its disk.",
    silence: "It ends when the missing records come; what is lost for good stays in the list of producers.",
  }),
  detector("producer-silent", "A producer is silent", "high", ["attack.t1562.006"], {
    check: "Is the process running, and does it reach this server? A producer that ends says so by `close`.",
    silence: "Close producers that end; raise `tally.producers.silent_after` for slow ones.",
  }),
  detector("clock-skew", "Two recorders' clocks are far apart", "medium", ["attack.t1070.006"], {
    check: "Look at time synchronisation of both hosts.",
    silence: "Raise `tally.clock_limit`.",
  }),
  detector(
    "coverage",
    "An edge is recorded from both sides far less than it used to be",
    "medium",
    ["attack.t1562.006"],
    {
      check: "Which side stopped recording? Was it deployed without its recorder?",
      silence: "Declare a side that no longer records: `tallystick parties set`.",
    },
  ),
  detector("checkpoint-late", "A tree has no new checkpoint", "critical", [], {
    check: "The server's log names the cause; `tallystick doctor` looks at disk and keys.",
    silence: "It ends with the next checkpoint.",
  }),
  detector("checkpoint-failed", "Checkpoints cannot be signed, published or copied", "critical", ["attack.t1562"], {
    check:
      "The reason names what failed: the signing key, the head store, the disk, or the copy's address. Try the copy by hand.",
    silence: "It ends when an attempt succeeds; take a copy that is no more out of `ledger.copies`.",
  }),
  detector("log-access", "The log is read in a way it never was", "medium", ["attack.t1119", "attack.t1530"], {
    learns: true,
    facts: ["reader_network", "reader_operation"],
    check: "Ask the person; the records of the log `access` say what was read.",
    silence: TEACH,
  }),
  detector("log-access-denied", "Requests to read the log are denied again and again", "medium", ["attack.t1110"], {
    check: "Ask the person; a script may use a key of the wrong role.",
    silence: "Give the reader the role it needs, or take its key.",
  }),
];

export const DETECTOR_BY_NAME: ReadonlyMap<string, Detector> = new Map(DETECTORS.map((one) => [one.name, one]));

/** What a detector says this time. */
export interface Said {
  readonly detector: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAtUs: number;
  readonly seenAtUs: number;
  readonly summary: string;
  readonly expected: string;
  readonly seen: string;
  readonly records: readonly FindingRecord[];
  readonly count: number;
  readonly level?: Level;
  readonly state?: Finding["state"];
  readonly quiet?: boolean;
  /** Where the detector's own advice does not fit. */
  readonly check?: string;
  readonly silence?: string;
}

const VERSION = 1;

export function findingOf(said: Said): Finding {
  const of = DETECTOR_BY_NAME.get(said.detector)!;
  return {
    ruleId: `builtin/${of.name}`,
    ruleVersion: VERSION,
    title: of.title,
    kind: "detector",
    level: said.level ?? of.level,
    tags: of.tags,
    labels: said.labels,
    state: said.state ?? "firing",
    startsAtUs: said.startsAtUs,
    seenAtUs: said.seenAtUs,
    summary: said.summary,
    expected: said.expected,
    seen: said.seen,
    check: said.check ?? of.check,
    silence: said.silence ?? of.silence,
    records: said.records,
    count: said.count,
    quiet: said.quiet ?? false,
  };
}

/** `1 call`, `2 calls` */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** A place as the engine gives it. */
export interface Place {
  readonly tree: string;
  readonly leaf_index: number;
  readonly call_id: string;
}

export const recordOf = ({ tree, leaf_index: leafIndex, call_id: callId }: Place): FindingRecord => ({
  tree,
  leafIndex,
  callId,
});
