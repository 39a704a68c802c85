/** Attacks of sixteen kinds, spread over the days after those of peace, and what each must be found by. */
import { DAY_US, digestOf, HOUR_US, nameOf, START_US, time } from "./world.ts";
import type { Edge, Row, World } from "./world.ts";

export interface Attack {
  readonly kind: string;
  /** Detectors that are right to speak of it. */
  readonly detectors: readonly string[];
  readonly statistical: boolean;
  readonly fromUs: number;
  readonly toUs: number;
  /** One of these must be among the finding's labels. */
  readonly names: readonly string[];
  /** Records of the attack within a time; `as` other than "" goes out under another key. */
  readonly records?: (fromUs: number, toUs: number) => readonly Row[];
  /** Beside the relay that all else comes by. */
  readonly senderOf?: "impostor";
}

type Make = (world: World, atUs: number, number: number) => Attack | null;

const within = (atUs: number, fromUs: number, toUs: number) => atUs >= fromUs && atUs < toUs;

/** Some calls of an edge from `atUs` on, a minute apart. */
function burst(
  world: World,
  edge: Edge,
  atUs: number,
  count: number,
  changed: (one: number) => { caller?: Row | null; callee?: Row | null },
) {
  return (fromUs: number, toUs: number): readonly Row[] => {
    const rows: Row[] = [];
    for (let one = 0; one < count; one += 1) {
      const us = atUs + one * 60_000_000;
      if (within(us, fromUs, toUs))
        world.call(
          edge,
          { atUs: us, isError: false, bytes: edge.responseBytes },
          (row) => rows.push(row),
          changed(one),
        );
    }
    return rows;
  };
}

const busy = (world: World): Edge => {
  const choice = world.edges.filter(({ rate, fromUs }) => rate > 2 && fromUs === START_US);
  return choice[Math.floor(world.random() * choice.length)]!;
};

const namesOf = ({ caller, callee }: Edge) => [nameOf(caller), nameOf(callee), `cert-${nameOf(caller)}`];

const found = (
  kind: string,
  detectors: readonly string[],
  edge: Edge,
  atUs: number,
  hours: number,
  records: NonNullable<Attack["records"]>,
): Attack => ({
  kind,
  detectors,
  statistical: false,
  fromUs: atUs,
  toUs: atUs + hours * HOUR_US,
  names: namesOf(edge),
  records,
});

const stolenKey: Make = (world, atUs, number) => {
  const edge = busy(world);
  const callee = { peer_address: `203.0.${100 + number}.9`, request_id: undefined };
  const records = burst(world, edge, atUs, 8, (one) => ({
    caller: null,
    callee: { ...callee, request_id: `stolen-${number}-${one}`, auth_token_id: `stolen-${number}` },
  }));
  return found("stolen key", ["credential-moved", "callee-only"], edge, atUs, 1, records);
};

const impostor: Make = (world, atUs, number) => {
  const edge = busy(world);
  const records = burst(world, edge, atUs, 5, (one) => ({
    callee: null,
    caller: { request_id: `impostor-${number}-${one}`, producer_id: `rogue-${number}`, producer_seq: one + 1 },
  }));
  return {
    ...found("impostor", ["claim-against-principal", "caller-only"], edge, atUs, 1, records),
    senderOf: "impostor",
  };
};

const replay: Make = (world, atUs, number) => {
  const edge = busy(world);
  const nonce = digestOf(`replayed ${number}`);
  const records = burst(world, edge, atUs, 4, () => ({ callee: { auth_nonce_digest: nonce } }));
  return found("replay", ["replay"], edge, atUs, 1, records);
};

/** An edge that is not there, of an operation that others call of the callee: who moves on knows what he wants there. */
function newEdge(world: World): Edge | null {
  const caller = Math.floor(world.random() * world.services * 0.5);
  const callee = Math.floor(world.services * (0.6 + 0.4 * world.random()));
  if (world.edges.some((edge) => edge.caller === caller && edge.callee === callee)) return null;
  const operation = world.edges.find((edge) => edge.callee === callee)?.operation;
  return operation === undefined ? null : { ...busy(world), caller, callee, operation, isSensitive: callee % 9 === 0 };
}

const NEW_EDGE = ["first-seen-edge", "first-seen-caller"];

const lateral: Make = (world, atUs) => {
  const edge = newEdge(world);
  if (edge === null) return null;
  const records = burst(world, edge, atUs, 6, () => ({}));
  return found("lateral movement", NEW_EDGE, edge, atUs, 1, records);
};

/** Within hours of a deploy of the service that he holds: at first like any new version, an hour later he looks around. */
const lateralAfterDeploy: Make = (world, atUs, number) => {
  const edge = newEdge(world);
  if (edge === null) return null;
  world.releases.push({ service: edge.caller, atUs: atUs - 3 * HOUR_US * world.random() });
  const ordinary = burst(world, edge, atUs, 3, () => ({}));
  const operation = { operation: `GET /v1/admin/${number}` };
  const around = burst(world, edge, atUs + HOUR_US, 3, () => ({ caller: operation, callee: operation }));
  const records = (fromUs: number, toUs: number) => [...ordinary(fromUs, toUs), ...around(fromUs, toUs)];
  return found("lateral movement after a deploy", NEW_EDGE, edge, atUs, 2, records);
};

const scopeGrowth: Make = (world, atUs, number) => {
  const edge = busy(world);
  const scopes = { auth_scopes: [`${nameOf(edge.callee)}:use`, `${nameOf(edge.callee)}:admin-${number}`] };
  return found(
    "scope growth",
    ["scope-growth"],
    edge,
    atUs,
    1,
    burst(world, edge, atUs, 5, () => ({ callee: scopes })),
  );
};

const shadowCaller: Make = (world, atUs, number) => {
  const edge = busy(world);
  const callee = {
    service_id: `address:198.51.${100 + number}.7`,
    peer_address: `198.51.${100 + number}.7`,
    credential_id: undefined,
    auth_token_id: undefined,
    auth_key_thumbprint: undefined,
    auth_scopes: undefined,
    auth_method: "none",
  };
  const records = burst(world, edge, atUs, 6, (one) => ({
    caller: null,
    callee: { ...callee, request_id: `shadow-${number}-${one}` },
  }));
  return found("shadow caller", ["first-seen-edge", "first-seen-caller", "callee-only"], edge, atUs, 1, records);
};

const suppression: Make = (world, atUs) => {
  const edge = busy(world);
  let done = false;
  return found("log suppression", ["producer-gap"], edge, atUs, 2, (fromUs, toUs) => {
    if (!done && within(atUs, fromUs, toUs)) world.skipNumbers(edge.caller, 15);
    done ||= within(atUs, fromUs, toUs);
    return [];
  });
};

const otherKey: Make = (world, atUs, number) => {
  const edge = busy(world);
  const records = burst(world, edge, atUs, 3, () => ({ callee: { auth_key_thumbprint: `thief-${number}` } }));
  return found("token with another key", ["token-other-key"], { ...edge }, atUs, 1, records);
};

const revoked: Make = (world, atUs, number) => {
  const edge = busy(world);
  const credential = `temp-${number}-${nameOf(edge.caller)}`;
  const revocation: Row = {
    event_type: "AUTH",
    operation: "revoke",
    action: "revoke",
    service_id: "idp",
    recorder_id: "idp",
    side: "observer",
    timestamp: time(atUs - HOUR_US),
    status: "success",
    credential_id: credential,
  };
  const calls = burst(world, edge, atUs, 3, () => ({ callee: { credential_id: credential } }));
  return {
    ...found("use after revocation", ["use-after-revocation"], edge, atUs, 1, (fromUs, toUs) => [
      ...(within(atUs - HOUR_US, fromUs, toUs) ? [revocation] : []),
      ...calls(fromUs, toUs),
    ]),
  };
};

const tamper: Make = (world, atUs) => {
  const edge = busy(world);
  const records = burst(world, edge, atUs, 4, () => ({ callee: { response_size: 999_999 } }));
  return found("tampering on the way", ["discrepancy"], edge, atUs, 1, records);
};

const expiredUse: Make = (world, atUs) => {
  const edge = busy(world);
  const records = burst(world, edge, atUs, 3, () => ({ callee: { auth_expires_at: time(atUs - DAY_US) } }));
  return found("expired credential", ["use-after-expiry"], edge, atUs, 1, records);
};

const shared: Make = (world, atUs) => {
  const edge = busy(world);
  const thief = world.edges.find(({ caller, callee }) => caller !== edge.caller && callee === edge.callee);
  if (thief === undefined) return null;
  const stolen = { credential_id: `cert-${nameOf(edge.caller)}` };
  const records = burst(world, thief, atUs, 4, () => ({ callee: stolen }));
  const attack = found("shared credential", ["credential-shared", "credential-moved"], thief, atUs, 1, records);
  return { ...attack, names: [...attack.names, stolen.credential_id] };
};

const statistical =
  (kind: string, fault: "burst" | "probing" | "exfiltration", detectors: readonly string[], hours: number): Make =>
  (world, atUs) => {
    const edge = busy(world);
    const toUs = atUs + hours * HOUR_US;
    world.faults.push({ kind: fault, callee: edge.callee, edge, fromUs: atUs, toUs });
    return { kind, detectors, statistical: true, fromUs: atUs, toUs, names: namesOf(edge) };
  };

const KINDS: readonly Make[] = [
  stolenKey,
  impostor,
  replay,
  lateral,
  lateralAfterDeploy,
  scopeGrowth,
  shadowCaller,
  suppression,
  otherKey,
  revoked,
  tamper,
  expiredUse,
  shared,
  statistical("scraping burst", "burst", ["baseline-rate"], 1),
  statistical("probing", "probing", ["baseline-errors"], 1),
  statistical("slow exfiltration", "exfiltration", ["baseline-size"], 4),
];

export interface Plan {
  readonly days: number;
  /** Days before the first attack. */
  readonly peace: number;
  /** Attacks of every kind. */
  readonly each: number;
}

/** Attacks of every kind between the days of peace and the last day. */
export function plan(world: World, { days, peace, each }: Plan): readonly Attack[] {
  const attacks: Attack[] = [];
  const span = (days - peace - 1) * DAY_US;
  let number = 0;
  for (const make of KINDS)
    for (let one = 0; one < each; one += 1) {
      let made: Attack | null = null;
      while (made === null) {
        number += 1;
        const us = START_US + peace * DAY_US + world.random() * span;
        // By day: attackers hide among traffic.
        made = make(world, Math.floor(us / DAY_US) * DAY_US + (8 + 10 * world.random()) * HOUR_US, number);
      }
      attacks.push(made);
    }
  return attacks;
}
