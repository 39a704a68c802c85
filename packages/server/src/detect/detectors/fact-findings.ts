/**
 * What is new, as findings: an edge, a caller of a sensitive operation, a network, a second user of a credential, a
 * scope. In a log's first days these are learned and listed, and no finding is made of them.
 */
import { formatTimestamp } from "@tallystick/record";

import type { Finding } from "../finding.ts";
import { edgeKey, FIRST_SEEN_EDGE } from "./deploys.ts";
import type { Deploy } from "./deploys.ts";
import { counted, findingOf, recordOf } from "./detector.ts";
import type { Said } from "./detector.ts";
import { NEW_SERVICE_US, SHOWN_VALUES } from "./detector-limits.ts";
import { IS_OF_TOKEN } from "./facts.ts";
import type { FreshFact, KnownValues, Presented, ShownScope } from "./facts.ts";

export interface FactKnowledge {
  /** Until when a log's first days last; microseconds. */
  readonly learningUntilUs: (log: string) => number;
  readonly known: readonly KnownValues[];
  /** `log service` → since when. */
  readonly servicesSince: ReadonlyMap<string, number>;
  /** Where new scopes of callers with new edges were shown. */
  readonly scopesShown: readonly ShownScope[];
  /** New edges that a deploy explains, by `edgeKey`. */
  readonly deploys: ReadonlyMap<string, Deploy>;
  /** By which credentials tokens were shown that are news; of a call that names none there is nothing. */
  readonly presented: readonly Presented[];
}

interface Others {
  readonly values: readonly string[];
  readonly count: number;
}

type Telling = (fact: FreshFact, others: Others) => Omit<Said, "startsAtUs" | "seenAtUs" | "records" | "count"> | null;

const TAKES_AWAY = /export|payload|backup|bundle/;

const listed = ({ values, count }: Others): string =>
  `${values.slice(0, SHOWN_VALUES).join(", ")}${count > values.length || count > SHOWN_VALUES ? `, … (${count})` : ""}`;

/** `null` when it is no news: the first value of a subject is what the next one is held against. */
const second =
  (tell: (fact: FreshFact, known: string) => Omit<Said, "startsAtUs" | "seenAtUs" | "records" | "count">): Telling =>
  (fact, others) =>
    others.count === 0 ? null : tell(fact, listed(others));

const TELLINGS: Readonly<Record<string, Telling>> = {
  credential_caller: second((fact, known) => ({
    detector: "credential-shared",
    labels: { log: fact.log, credential_id: fact.subject, service: fact.value },
    summary: `${fact.value} uses the credential ${fact.subject} of ${known}`,
    expected: `used by ${known} only`,
    seen: `used by ${fact.value}`,
  })),
  credential_network: second((fact, known) => ({
    detector: "credential-moved",
    labels: { log: fact.log, credential_id: fact.subject, network: fact.value },
    summary: `The credential ${fact.subject} comes from ${fact.value}`,
    expected: `from ${known}`,
    seen: `from ${fact.value}`,
  })),
  principal_network: second((fact, known) => ({
    detector: "producer-moved",
    labels: { log: fact.log, principal: fact.subject, network: fact.value },
    summary: `Records of ${fact.subject} come from ${fact.value}`,
    expected: `from ${known}`,
    seen: `from ${fact.value}`,
  })),
  token_key: second((fact, known) => ({
    detector: "token-other-key",
    labels: { log: fact.log, auth_token_id: fact.subject },
    summary: `The token ${fact.subject} is used with another key`,
    expected: `the key ${known}`,
    seen: `the key ${fact.value}`,
  })),
  token_caller: second((fact, known) => ({
    detector: "token-replayed",
    labels: { log: fact.log, auth_token_id: fact.subject },
    summary: `${fact.value} uses the token ${fact.subject} of ${known}`,
    expected: `used by ${known} only`,
    seen: `used by ${fact.value}`,
  })),
  token_network: second((fact, known) => ({
    detector: "token-replayed",
    labels: { log: fact.log, auth_token_id: fact.subject },
    summary: `The token ${fact.subject} comes from ${fact.value} too`,
    expected: `from ${known}`,
    seen: `from ${fact.value}`,
  })),
  scope: second((fact, known) => ({
    detector: "scope-growth",
    labels: { log: fact.log, service: fact.subject, scope: fact.value },
    summary: `${fact.subject} has the scope ${fact.value}, which it never had`,
    expected: known,
    seen: `${fact.value} as well`,
  })),
  sensitive: second((fact, known) => ({
    detector: "first-seen-caller",
    labels: { log: fact.log, caller: fact.value, ...operationOf(fact.subject) },
    summary: `${fact.value} calls the sensitive operation ${fact.subject} for the first time`,
    expected: `called by ${known}`,
    seen: `called by ${fact.value}`,
  })),
  edge: (fact, others) => ({
    detector: "first-seen-edge",
    labels: { log: fact.log, caller: fact.subject, callee: fact.value },
    summary: `${fact.subject} calls ${fact.value} for the first time`,
    expected: others.count === 0 ? "no calls" : `calls of ${fact.subject} to ${listed(others)}`,
    seen: `${counted(fact.records, "record")} of calls to ${fact.value}`,
  }),
  reader_network: second((fact, known) => ({
    detector: "log-access",
    labels: { reader: fact.subject, network: fact.value },
    summary: `${fact.subject} reads the log from ${fact.value}`,
    expected: `from ${known}`,
    seen: `from ${fact.value}`,
  })),
  reader_operation: second((fact, known) => ({
    detector: "log-access",
    // A person who opens a screen for the first time is listed; who takes records away is told of.
    level: TAKES_AWAY.test(fact.value) ? "medium" : "low",
    labels: { reader: fact.subject, operation: fact.value },
    summary: `${fact.subject} does "${fact.value}" for the first time`,
    expected: known,
    seen: fact.value,
  })),
};

/** Of `callee operation`, which is how an operation is told from the same of another service. */
function operationOf(subject: string): Readonly<Record<string, string>> {
  const end = subject.indexOf(" ");
  return { callee: subject.slice(0, end), operation: subject.slice(end + 1) };
}

/** Those that hold whatever was learned. */
const ALWAYS: ReadonlySet<string> = new Set(["token_key", "token_caller", "token_network"]);

/** In a log's first days hardly any fact is told, whatever is known. */
export const mayBeTold = (
  { kind, log, first_us: firstUs }: FreshFact,
  learningUntilUs: FactKnowledge["learningUntilUs"],
): boolean => firstUs >= learningUntilUs(log) || ALWAYS.has(kind);

export function factFindings(facts: readonly FreshFact[], knowledge: FactKnowledge): readonly Finding[] {
  const known = new Map(knowledge.known.map((one) => [subjectOf(one), { values: [...one.values], count: one.count }]));
  const services = new NewServices(facts, knowledge);
  const edgeScopes = scopesOfNewEdges(facts, knowledge.scopesShown);
  const said: Said[] = [];
  for (const fact of facts) {
    const others = known.get(subjectOf(fact)) ?? { values: [], count: 0 };
    const isPart = fact.kind === "scope" && edgeScopes.has(JSON.stringify([fact.log, fact.subject, fact.value]));
    const told = isPart ? null : fact.known_last > 0 ? dormant(fact) : (TELLINGS[fact.kind]?.(fact, others) ?? null);
    if (told !== null && mayBeTold(fact, knowledge.learningUntilUs))
      said.push(
        ...byCredential(
          fact,
          withDeploy(services.withinDay(fact, withPlace(fact, told)), knowledge.deploys),
          knowledge.presented,
        ),
      );
    known.set(subjectOf(fact), {
      values: [...others.values, fact.value].slice(0, SHOWN_VALUES),
      count: others.count + 1,
    });
  }
  return merged(onlyGravest(said)).map(findingOf);
}

/** Facts of tokens that were known, or come twice: what is news of them. The first value of a token is none. */
export function tokenNews(facts: readonly FreshFact[], known: readonly KnownValues[]): readonly FreshFact[] {
  const seen = new Set(known.map(subjectOf));
  return facts.filter((fact) => {
    if (!IS_OF_TOKEN.test(fact.kind)) return false;
    const isNews = seen.has(subjectOf(fact));
    seen.add(subjectOf(fact));
    return isNews;
  });
}

/** What is blocked is the credential that showed the token, so it is told by each. */
function byCredential(fact: FreshFact, said: Said, presented: readonly Presented[]): readonly Said[] {
  const own = presented.filter((one) => subjectOf(one) === subjectOf(fact) && one.value === fact.value);
  if (own.length === 0) return [said];
  return own.map(({ credential, first_us: firstUs, place, records }) => ({
    ...said,
    labels: { ...said.labels, credential_id: credential },
    startsAtUs: firstUs,
    seenAtUs: firstUs,
    records: [recordOf(place)],
    count: records,
  }));
}

/** The scope for a callee that was never called before is part of that news; one that is shown elsewhere too is not. */
function scopesOfNewEdges(facts: readonly FreshFact[], shown: readonly ShownScope[]): ReadonlySet<string> {
  const edges = facts.filter(({ kind }) => kind === "edge");
  const fresh = new Set(edges.map(({ log, subject, value }) => edgeKey(log, subject, value)));
  const only = shown.filter(({ log, caller, callees }) => callees.every((one) => fresh.has(edgeKey(log, caller, one))));
  return new Set(only.map(({ log, caller, scope }) => JSON.stringify([log, caller, scope])));
}

/** A first call of a sensitive operation is one thing to look at, also where it is the first call of the edge. */
function onlyGravest(said: readonly Said[]): readonly Said[] {
  const edgeOf = ({ labels }: Said) => JSON.stringify([labels["log"], labels["caller"], labels["callee"]]);
  const calls = new Set(said.filter(({ detector }) => detector === "first-seen-caller").map(edgeOf));
  const edges = new Set(said.filter(({ detector }) => detector === "first-seen-edge").map(edgeOf));
  return said
    .filter((one) => one.detector !== "first-seen-edge" || !calls.has(edgeOf(one)))
    .map((one) => {
      if (one.detector !== "first-seen-caller" || !edges.has(edgeOf(one))) return one;
      return { ...one, seen: `${one.seen}, which never called ${one.labels["callee"]} before at all` };
    });
}

const subjectOf = ({ kind, log, subject }: Pick<FreshFact, "kind" | "log" | "subject">): string =>
  JSON.stringify([kind, log, subject]);

const withPlace = (fact: FreshFact, told: Omit<Said, "startsAtUs" | "seenAtUs" | "records" | "count">): Said => ({
  startsAtUs: fact.first_us,
  seenAtUs: fact.first_us,
  records: [recordOf(fact.place)],
  count: fact.records,
  ...told,
});

function dormant(fact: FreshFact): Omit<Said, "startsAtUs" | "seenAtUs" | "records" | "count"> {
  const last = formatTimestamp(fact.known_last);
  return {
    detector: "dormant-credential",
    labels: { log: fact.log, credential_id: fact.subject },
    summary: `The credential ${fact.subject}, unused since ${last}, is used again`,
    expected: `no use since ${last}`,
    seen: `${counted(fact.records, "use")} from ${formatTimestamp(fact.first_us)} on`,
  };
}

/** What a service does for the first time on its first day is that there is a new service: one finding. */
class NewServices {
  readonly #knowledge: FactKnowledge;
  readonly #fresh = new Map<string, number>();

  constructor(facts: readonly FreshFact[], knowledge: FactKnowledge) {
    this.#knowledge = knowledge;
    for (const { kind, log, subject, first_us: firstUs } of facts)
      if (kind === "service") this.#fresh.set(`${log} ${subject}`, firstUs);
  }

  withinDay(fact: FreshFact, said: Said): Said {
    if (said.detector !== "first-seen-edge" && said.detector !== "first-seen-caller") return said;
    const name = [said.labels["caller"] ?? "", said.labels["callee"] ?? ""].find((one) => this.#isNew(fact, one));
    if (name === undefined) return said;
    return {
      ...said,
      detector: "first-seen-service",
      labels: { log: fact.log, service: name },
      summary: `${name} was never seen before; ${said.summary}`,
      expected: "the services that were known",
    };
  }

  #isNew({ log, first_us: firstUs }: FreshFact, name: string): boolean {
    const key = `${log} ${name}`;
    const since = this.#knowledge.servicesSince.get(key) ?? this.#fresh.get(key);
    return since !== undefined && firstUs - since < NEW_SERVICE_US && since >= this.#knowledge.learningUntilUs(log);
  }
}

/** A new version of the caller that calls what others call as well is a change, which is listed. */
function withDeploy(said: Said, deploys: FactKnowledge["deploys"]): Said {
  const { log, caller, callee } = said.labels;
  const deploy = said.detector === FIRST_SEEN_EDGE ? deploys.get(edgeKey(log!, caller!, callee!)) : undefined;
  if (deploy === undefined) return said;
  return {
    ...said,
    level: "low",
    quiet: true,
    summary: `${said.summary}, since its version ${deploy.version} runs`,
    seen: `${said.seen}, of operations that others call; version ${deploy.version} began at ${formatTimestamp(deploy.sinceUs)}`,
  };
}

/** The same detector with the same labels says it once, with the records of all. */
function merged(said: readonly Said[]): readonly Said[] {
  const byLabels = new Map<string, Said>();
  for (const one of said) {
    const key = JSON.stringify([one.detector, Object.entries(one.labels)]);
    const before = byLabels.get(key);
    if (before === undefined) byLabels.set(key, one);
    else
      byLabels.set(key, {
        ...before,
        seenAtUs: Math.max(before.seenAtUs, one.seenAtUs),
        records: [...before.records, ...one.records].slice(0, 20),
        count: before.count + one.count,
      });
  }
  return [...byLabels.values()];
}
