/**
 * Thirty days of a fleet of services, compressed, with attacks among them: the whole server in one process, its wall
 * clock set by the simulator, its detectors as anybody runs them. Says of each kind of attack how many were found, how
 * soon, and of the detectors that must find it, and of each detector, how often they were right and how many alerts a
 * day they made. One working day among the days of attacks, chosen by the seed, is a holiday: the whole fleet has three
 * tenths of its traffic. One alert that the fleet has fewer calls is right then; every other one is false.
 * `npm run bench -- mesh [--services 200] [--days 30] [--records 2000000] [--each 3] [--peace 9] [--seed 1]
 * [--tick 30] [--look-hours 2] [--rows]`
 *
 * `tick`: what comes within so many minutes, at most thirty, is sent together. `look-hours`: all is waited for so often.
 */
import { parseArgs } from "node:util";

import { startTestServer, temporaryFolder, withEngine } from "../packages/server/src/machine.contract.ts";
import type { TestServer } from "../packages/server/src/machine.contract.ts";
import { realClock } from "../packages/server/src/real-clock.ts";
import type { Clock } from "../packages/server/src/clock.ts";
import { plan } from "./mesh/attacks.ts";
import type { Attack } from "./mesh/attacks.ts";
import { scoreMesh } from "./mesh/score.ts";
import type { SeenAlert } from "./mesh/score.ts";
import { DAY_US, holidayOf, HOUR_US, START_US, World } from "./mesh/world.ts";
import type { Row } from "./mesh/world.ts";

const { values: options } = parseArgs({
  options: {
    services: { type: "string", default: "200" },
    days: { type: "string", default: "30" },
    records: { type: "string", default: "2000000" },
    each: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    peace: { type: "string", default: "9" },
    tick: { type: "string", default: "30" },
    "look-hours": { type: "string", default: "2" },
    rows: { type: "boolean", default: false },
  },
});
const DAYS = Number(options.days);
/** Days before the first attack; all but two of them are the log's first days. */
const PEACE = Number(options.peace);
const TICK_US = Number(options.tick) * 60_000_000;
const HEARTBEAT_US = 1_800_000_000;
const LAST_LOOKS = 5;
/** All is waited for so often in the fleet's time: what is found is found within so long. */
const TICKS_A_LOOK = (Number(options["look-hours"]) * HOUR_US) / TICK_US;
/** Short timers run so many times as fast as the machine's. */
const HURRY = 8;
/** Longer ones wait for the simulator's time, so that a slow machine does no more within an hour than a fast one. */
const LONG_MS = 1_000;
/** While it is waited for, this much of the simulator's time passes between two looks, and no more than that in all. */
const LOOK_MS = 10;
const LOOK_US = 80_000;
const MOST_LOOKED_US = 600_000_000;
/** Signs of life come each half hour, all that is of it together: whoever runs such a fleet says so. */
const CONFIG = `
tally: {producers: {default_silent_after: 65m}}
detectors: {learn: ${PEACE - 2}d, dormant_after: 30d}
retention: {keep: 13 months}
alerts: {heartbeat: {every: 12h}}
log: {level: warn}
`;

type SimulatedClock = Clock & { set(us: number): void };

function simulatedClock(): SimulatedClock {
  const real = realClock();
  const timers = new Set<{ readonly dueUs: number; readonly fire: () => void }>();
  let us = START_US;
  return {
    nowUs: () => us,
    monotonicMs: () => (us - START_US) / 1_000 + real.monotonicMs(),
    after(delayMs, callback) {
      const fire = (): void => {
        cancel();
        callback();
      };
      const timer = { dueUs: us + delayMs * 1_000, fire };
      const cancelReal = real.after(delayMs < LONG_MS ? delayMs / HURRY : delayMs, fire);
      const cancel = (): void => {
        timers.delete(timer);
        cancelReal();
      };
      timers.add(timer);
      return cancel;
    },
    set(to) {
      us = to;
      for (const { fire } of [...timers].filter(({ dueUs }) => dueUs <= us)) fire();
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function newKey(server: TestServer, body: Row): Promise<string> {
  const answer = await server.fetch("/api/keys", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.status !== 201) throw new Error(`no key: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { secret: string }).secret;
}

async function send(server: TestServer, key: string, rows: readonly Row[]): Promise<void> {
  for (let from = 0; from < rows.length; from += 5_000) {
    const body = rows
      .slice(from, from + 5_000)
      .map((row) => JSON.stringify(row))
      .join("\n");
    for (;;) {
      const answer = await server.fetch("/v1/records", {
        method: "POST",
        authorization: `Bearer ${key}`,
        headers: { "content-type": "application/x-ndjson" },
        body,
      });
      const text = await answer.text();
      if (answer.status === 200) break;
      if (answer.status !== 503 && answer.status !== 429) throw new Error(`${answer.status} ${text.slice(0, 500)}`);
      await pause(50);
    }
  }
}

interface Health {
  readonly trees: readonly { readonly journaled: number; readonly indexed: number }[];
  readonly tally: { readonly settled_through: string | null };
}

interface Progress {
  readonly lag_records: number;
  readonly ready: boolean;
}

/** Waits until all that was sent is searchable, looked at by the detectors, and tallied up to `talliedUs`. */
async function caughtUp(server: TestServer, clock: SimulatedClock, talliedUs: number): Promise<void> {
  for (let lookedUs = 0; ; lookedUs += LOOK_US) {
    const { trees, tally } = await asked<Health>(server, "/api/status");
    const isIndexed = trees.every(({ journaled, indexed }) => indexed >= journaled);
    const through = tally.settled_through;
    if (isIndexed && through !== null && usOf(through) >= talliedUs) {
      const progress = await asked<Progress>(server, "/api/detectors");
      if (progress.ready && progress.lag_records === 0) return;
    }
    if (lookedUs < MOST_LOOKED_US) clock.set(clock.nowUs() + LOOK_US);
    await pause(LOOK_MS);
  }
}

const usOf = (text: string): number => Date.parse(text) * 1_000;

async function asked<T>(server: TestServer, path: string): Promise<T> {
  let answer = await server.fetch(path);
  // The machine may be asleep, or the engine busy.
  for (let again = 0; again < 20 && (answer.status === 503 || answer.status === 504); again += 1) {
    await pause(1_000);
    answer = await server.fetch(path);
  }
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${(await answer.text()).slice(0, 500)}`);
  return (await answer.json()) as T;
}

interface ShownAlert extends Omit<SeenAlert, "detector" | "raisedAtUs" | "seenUs"> {
  readonly id: string;
  readonly rule_id: string;
  readonly starts_at: string;
  readonly raised_at: string;
  readonly seen_at: string;
}

async function alertsOf(server: TestServer): Promise<readonly SeenAlert[]> {
  const alerts: SeenAlert[] = [];
  for (let before = ""; ;) {
    const { alerts: page } = await asked<{ readonly alerts: readonly ShownAlert[] }>(
      server,
      `/api/alerts?limit=100${before}`,
    );
    const last = page.at(-1);
    if (last === undefined) return alerts;
    before = `&before=${encodeURIComponent(last.id)}`;
    for (const { rule_id: rule, starts_at: at, raised_at: raised, seen_at: seenAt, ...rest } of page) {
      const { labels, level, quiet, summary, expected, seen } = rest;
      const told = { labels, level, quiet, summary, expected, seen };
      alerts.push({
        detector: rule.replace("builtin/", ""),
        raisedAtUs: usOf(raised),
        seenUs: [usOf(at), usOf(seenAt)],
        ...told,
      });
    }
  }
}

/**
 * What a fleet does without anybody's bad will: deploys, incidents, a new edge now and then, mostly of a new version
 * that calls what the old one did not; else somebody switched something on.
 */
function ordinaryDay(world: World, dayUs: number): void {
  const { random, services } = world;
  for (let one = 0; one < 3; one += 1)
    world.releases.push({ service: Math.floor(random() * services), atUs: dayUs + (8 + random() * 10) * HOUR_US });
  if (random() < 0.25) {
    const caller = Math.floor(random() * (services - 2));
    const atUs = dayUs + 10 * HOUR_US;
    const edge = world.addEdge(caller, caller + 1 + Math.floor(random() * (services - caller - 1)), atUs);
    // A third is called only hours after.
    const releasedUs = atUs - (random() < 1 / 3 ? random() * 12 * HOUR_US : 0);
    if (edge !== null && random() < 0.8) world.releases.push({ service: caller, atUs: releasedUs });
  }
  if (random() < 0.3) {
    const fromUs = dayUs + (8 + random() * 10) * HOUR_US;
    const callee = Math.floor(random() * services);
    world.faults.push({ kind: "incident", callee, edge: null, fromUs, toUs: fromUs + (0.5 + random()) * HOUR_US });
  }
  if (random() < 0.5) {
    const edge = world.edges[Math.floor(random() * world.edges.length)]!;
    edge.rate *= 0.7 + 0.6 * random();
  }
}

async function main(): Promise<void> {
  const beganMs = performance.now();
  const world = new World(Number(options.services), Number(options.seed), Number(options.records) / DAYS / 2);
  const attacks = plan(world, { days: DAYS, peace: PEACE, each: Number(options.each) });
  world.holidayUs = holidayOf(Number(options.seed), PEACE, DAYS - 1);
  const clock = simulatedClock();
  const folder = await temporaryFolder();
  const server = await startTestServer(folder.path, CONFIG, { ...withEngine(), clock });
  try {
    const relay = await newKey(server, { name: "collector", relay: true, services: ["svc-*", "address:*", "idp"] });
    const rogue = await newKey(server, { name: "rogue", service: "svc-rogue" });
    let sent = 0;
    await caughtUp(server, clock, 0);
    for (let tick = 0; tick < (DAYS * DAY_US) / TICK_US; tick += 1) {
      const fromUs = START_US + tick * TICK_US;
      const toUs = fromUs + TICK_US;
      if ((fromUs - START_US) % DAY_US === 0) ordinaryDay(world, fromUs);
      sent += await oneTick(server, world, attacks, { fromUs, toUs, clock, relay, rogue });
      if (tick % TICKS_A_LOOK === 0) {
        await caughtUp(server, clock, fromUs - TICK_US);
        const hours = Math.round((toUs - START_US) / HOUR_US);
        process.stderr.write(
          `\rhour ${hours} of ${DAYS * 24}, ${sent} records, ${Math.round((performance.now() - beganMs) / 1_000)} s `,
        );
      }
    }
    await settled(server, clock);
    // When it ends everybody falls silent.
    const endUs = START_US + DAYS * DAY_US - HOUR_US / 2;
    const alerts = (await alertsOf(server)).filter(({ seenUs }) => seenUs[0]! < endUs);
    const { falseAlerts, missed, ...score } = scoreMesh(
      { attacks, faults: world.faults, holidayUs: world.holidayUs, days: DAYS },
      alerts,
    );
    if (options.rows) {
      for (const { kind, fromUs, names } of missed)
        process.stderr.write(`\nmissed: ${kind} at ${new Date(fromUs / 1_000).toISOString()} of ${names.join(" ")}`);
      for (const alert of falseAlerts) process.stderr.write(`\nfalse: ${JSON.stringify(alert).slice(0, 800)}`);
    }
    process.stderr.write("\n");
    const seconds = Math.round((performance.now() - beganMs) / 1_000);
    process.stdout.write(
      `${JSON.stringify({ services: world.services, days: DAYS, records: sent, seconds, ...score })}\n`,
    );
  } finally {
    await server.close();
    await folder.remove();
  }
}

interface Tick {
  readonly fromUs: number;
  readonly toUs: number;
  readonly clock: SimulatedClock;
  readonly relay: string;
  readonly rogue: string;
}

async function oneTick(server: TestServer, world: World, attacks: readonly Attack[], tick: Tick): Promise<number> {
  const { fromUs, toUs, clock, relay, rogue } = tick;
  world.release(fromUs);
  const rows: Row[] = [];
  const rogueRows: Row[] = [];
  for (const edge of world.edges) world.callsOf(edge, fromUs, toUs, (row) => rows.push(row));
  for (const attack of attacks)
    for (const row of attack.records?.(fromUs, toUs) ?? [])
      (attack.senderOf === "impostor" ? rogueRows : rows).push(row);
  if ((fromUs - START_US) % HEARTBEAT_US === 0)
    for (let service = 0; service < world.services; service += 1) rows.push(world.heartbeat(service, toUs - 1_000_000));
  clock.set(toUs);
  if (rows.length > 0) await send(server, relay, rows);
  if (rogueRows.length > 0) await send(server, rogue, rogueRows);
  return rows.length + rogueRows.length;
}

/** Lets every deadline pass, and waits until nothing more is said; not for ever, since silence is said again. */
async function settled(server: TestServer, clock: SimulatedClock): Promise<void> {
  for (let look = 0; look < LAST_LOOKS; look += 1) {
    clock.set(clock.nowUs() + 60_000_000);
    await pause(1_000);
    await caughtUp(server, clock, START_US + DAYS * DAY_US);
  }
}

await main();
