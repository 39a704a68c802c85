/**
 * A fleet of services and what they do in thirty days: seeded, with daily and weekly seasons, deploys of new versions
 * that may call what the old one did not, scaling, incidents and retries, and one holiday, a working day among those of
 * the attacks, on which all traffic is three tenths of itself. Every call is two records, one of each end.
 */
import { createHash } from "node:crypto";

export type Row = Record<string, unknown>;

export interface Edge {
  readonly caller: number;
  readonly callee: number;
  readonly operation: string;
  /** Calls an hour at the height of a working day. */
  rate: number;
  latencyUs: number;
  errorShare: number;
  readonly responseBytes: number;
  readonly isSensitive: boolean;
  /** From when on it is there; µs. */
  readonly fromUs: number;
}

export interface Fault {
  readonly kind: "incident" | "burst" | "probing" | "exfiltration";
  readonly callee: number;
  readonly edge: Edge | null;
  readonly fromUs: number;
  readonly toUs: number;
}

export const HOUR_US = 3_600_000_000;
export const DAY_US = 24 * HOUR_US;
/** A Monday, midnight UTC. */
export const START_US = Date.UTC(2026, 9, 5) * 1_000;

/** Traffic of a holiday, of what the day would have otherwise. */
const HOLIDAY_SHARE = 0.3;

/** Uniform in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) % 4_294_967_296;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A number of events out of their mean. */
export function poisson(mean: number, random: () => number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  let count = 0;
  for (let left = Math.exp(-mean), product = random(); product > left; product *= random()) count += 1;
  return count;
}

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A working day of those in the middle of `fromDay` to `toDay`, or of all of them; null: there is none. µs. */
export function holidayOf(seed: number, fromDay: number, toDay: number): number | null {
  const working = Array.from({ length: Math.max(0, toDay - fromDay) }, (_, at) => fromDay + at).filter(
    (day) => day % 7 < 5,
  );
  const inside = working.filter((day) => Math.abs(day - (fromDay + toDay - 1) / 2) <= (toDay - fromDay) / 6);
  const choice = inside.length > 0 ? inside : working;
  const day = choice[Math.floor(seeded(seed + 1)() * choice.length)];
  return day === undefined ? null : START_US + day * DAY_US;
}

export const nameOf = (service: number): string => `svc-${String(service).padStart(3, "0")}`;
export const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

export class World {
  readonly edges: Edge[] = [];
  readonly faults: Fault[] = [];
  readonly random: () => number;
  readonly services: number;
  /** When the holiday begins, if there is one. */
  holidayUs: number | null = null;
  /** Deploys that are to come. */
  readonly releases: { readonly service: number; readonly atUs: number }[] = [];
  private readonly versions: number[];
  private readonly seqs: number[];
  private readonly epochs: number[];
  private calls = 0;

  constructor(services: number, seed: number, callsADay: number) {
    this.random = seeded(seed);
    this.services = services;
    this.versions = Array.from({ length: services }, () => 1);
    this.seqs = Array.from({ length: services }, () => 0);
    this.epochs = Array.from({ length: services }, () => 1);
    for (let caller = 0; caller < services - 1; caller += 1) {
      const degree = 1 + Math.floor(this.random() * 4);
      for (let one = 0; one < degree; one += 1) this.addEdge(caller, this.later(caller), START_US);
    }
    const total = this.edges.reduce((sum, { rate }) => sum + rate, 0) * 14;
    for (const edge of this.edges) edge.rate *= callsADay / total;
  }

  addEdge(caller: number, callee: number, fromUs: number): Edge | null {
    if (this.edges.some((edge) => edge.caller === caller && edge.callee === callee)) return null;
    const { random } = this;
    const edge: Edge = {
      caller,
      callee,
      operation: `${["GET", "GET", "POST"][Math.floor(random() * 3)]} /v1/r${callee % 7}`,
      rate: Math.exp(1.2 * normal(random)),
      latencyUs: 3_000 * Math.exp(normal(random)),
      errorShare: 0.004,
      responseBytes: Math.round(800 * Math.exp(normal(random))),
      isSensitive: callee % 9 === 0,
      fromUs,
    };
    this.edges.push(edge);
    return edge;
  }

  /** Deploys what is due until then. */
  release(untilUs: number): void {
    const due = this.releases.filter(({ atUs }) => atUs <= untilUs);
    for (const one of due) {
      this.releases.splice(this.releases.indexOf(one), 1);
      this.deploy(one.service);
    }
  }

  /** A deploy: a new version, which is a new run of the producer, and other latencies. */
  private deploy(service: number): void {
    this.versions[service]! += 1;
    this.epochs[service]! += 1;
    this.seqs[service] = 0;
    for (const edge of this.edges) if (edge.callee === service) edge.latencyUs *= 0.9 + 0.2 * this.random();
  }

  /** Calls of one edge within a time. */
  expected(edge: Edge, fromUs: number, toUs: number): number {
    const hours = (toUs - fromUs) / HOUR_US;
    const hour = ((fromUs - START_US) % DAY_US) / HOUR_US;
    const day = Math.floor((fromUs - START_US) / DAY_US) % 7;
    const season = (0.55 - 0.45 * Math.cos(((hour - 3) / 24) * 2 * Math.PI)) * (day >= 5 ? 0.5 : 1);
    const isHoliday = this.holidayUs !== null && fromUs >= this.holidayUs && fromUs < this.holidayUs + DAY_US;
    return edge.fromUs > fromUs ? 0 : edge.rate * season * hours * (isHoliday ? HOLIDAY_SHARE : 1);
  }

  /** Both ends' records of the calls of one edge within a time. */
  callsOf(edge: Edge, fromUs: number, toUs: number, add: (row: Row) => void): void {
    const faults = this.faults.filter(
      (fault) =>
        fault.fromUs < toUs &&
        fault.toUs > fromUs &&
        (fault.edge === null ? fault.callee === edge.callee : fault.edge === edge),
    );
    const has = (kind: Fault["kind"]) => faults.some((fault) => fault.kind === kind);
    const mean = this.expected(edge, fromUs, toUs) * (has("burst") ? 12 : 1) + (has("burst") ? 25 : 0);
    const count = poisson(mean + (has("probing") ? 6 : 0) + (has("exfiltration") ? 1 : 0), this.random);
    for (let one = 0; one < count; one += 1) {
      const errorShare = has("incident") ? 0.5 : has("probing") ? 0.85 : edge.errorShare;
      const isError = this.random() < errorShare;
      const bytes = edge.responseBytes * Math.exp(0.4 * normal(this.random)) * (has("exfiltration") ? 40 : 1);
      const atUs = fromUs + this.random() * (toUs - fromUs);
      this.call(edge, { atUs, isError, bytes }, add);
      if (isError && has("incident") && this.random() < 0.5)
        this.call(edge, { atUs: atUs + 200_000, isError: this.random() < errorShare, bytes }, add);
    }
  }

  call(
    edge: Edge,
    { atUs, isError, bytes }: { readonly atUs: number; readonly isError: boolean; readonly bytes: number },
    add: (row: Row) => void,
    changed: { readonly caller?: Row | null; readonly callee?: Row | null } = {},
  ): Row {
    this.calls += 1;
    const { random } = this;
    const took = Math.round(edge.latencyUs * Math.exp(0.5 * normal(random)));
    const shared: Row = {
      event_type: "API_CALL",
      service_id: nameOf(edge.caller),
      target_id: nameOf(edge.callee),
      request_id: `r${this.calls}`,
      operation: edge.operation,
      protocol: "http",
      status: isError ? "error" : "success",
      status_code: isError ? "500" : "200",
      response_size: Math.round(bytes),
      ...(edge.isSensitive ? { data_class: "confidential" } : {}),
    };
    const caller = { ...shared, side: "caller", timestamp: time(atUs), duration_us: took + 700, ...changed.caller };
    const callee = {
      ...shared,
      side: "callee",
      timestamp: time(atUs + 300),
      duration_us: took,
      auth_method: "jwt",
      credential_id: `cert-${nameOf(edge.caller)}`,
      auth_token_id: `jti-${nameOf(edge.caller)}-${Math.floor(atUs / HOUR_US)}`,
      auth_key_thumbprint: `key-${nameOf(edge.caller)}`,
      auth_scopes: [`${nameOf(edge.callee)}:use`],
      auth_nonce_digest: digestOf(`nonce ${this.calls}`),
      peer_address: `10.${edge.caller % 250}.0.${1 + Math.floor(random() * 40)}`,
      ...changed.callee,
    };
    if (changed.caller !== null) add(this.numbered(caller, edge.caller));
    if (changed.callee !== null) add(this.numbered(callee, edge.callee));
    return callee;
  }

  /** A heartbeat says how far a producer's sequence has come. */
  heartbeat(service: number, atUs: number): Row {
    const name = nameOf(service);
    return {
      event_type: "LOG_LIFECYCLE",
      operation: "heartbeat",
      service_id: name,
      recorder_id: name,
      side: "observer",
      timestamp: time(atUs),
      status: "success",
      producer_id: name,
      producer_epoch: `e${this.epochs[service]}`,
      // Before the first record there is no number.
      ...(this.seqs[service] === 0
        ? {}
        : { producer_seq: this.seqs[service], attributes: { count: String(this.seqs[service]) } }),
    };
  }

  /** A number that no record has: one was suppressed. */
  skipNumbers(service: number, count: number): void {
    this.seqs[service]! += count;
  }

  /** What somebody else sends in a service's name takes none of its numbers. */
  private numbered(row: Row, service: number): Row {
    if (row["producer_id"] !== undefined) return { ...row, recorder_id: nameOf(service) };
    this.seqs[service]! += 1;
    const run = { producer_id: nameOf(service), producer_epoch: `e${this.epochs[service]}` };
    const version = { service_version: `1.${this.versions[service]}.0` };
    return { ...row, recorder_id: nameOf(service), ...version, ...run, producer_seq: this.seqs[service] };
  }

  private later(caller: number): number {
    return caller + 1 + Math.floor(this.random() * Math.min(30, this.services - caller - 1));
  }
}

export const time = (us: number): string => new Date(us / 1_000).toISOString();
