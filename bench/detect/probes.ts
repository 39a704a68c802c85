/**
 * Records that must become alerts, sent among the load one by one: some are found by a rule, some by a detector. Each
 * is about a caller of its own, so that each is an alert, and tells how long it took from its acknowledgement.
 */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { RunningServer } from "../../integrity/running-server.ts";
import { quantile, rounded } from "../measure.ts";
import { PROBED_CALLEE } from "./own-rules.ts";

const EVERY_MS = 250;
const YEAR_MS = 365 * 86_400_000;

interface Delays {
  readonly probes: number;
  readonly missing: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds from the acknowledgement of a record to its alert's record, and to the notification's arrival. */
export interface ProbeFigures {
  readonly rule_raised: Delays;
  readonly rule_notified: Delays;
  readonly detector_raised: Delays;
  readonly detector_notified: Delays;
}

/** Takes notifications as somebody's webhook does. */
export class Listener {
  /** Caller to the time of its first notification; milliseconds since 1970. */
  readonly heard = new Map<string, number>();
  private readonly server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const nowMs = Date.now();
      for (const [, caller] of Buffer.concat(parts)
        .toString("utf8")
        .matchAll(/"caller":"(probe-[^"]+)"/g))
        if (!this.heard.has(caller!)) this.heard.set(caller!, nowMs);
      response.end();
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

export class Probes {
  /** Caller to the time of its record's acknowledgement. */
  private readonly acknowledged = new Map<string, number>();
  private readonly sent: Promise<void>[] = [];
  private readonly ended: Promise<void>;
  private readonly server: RunningServer;
  private isOver = false;

  constructor(server: RunningServer) {
    this.server = server;
    this.ended = this.run();
  }

  /** Stops sending. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.ended;
    await Promise.all(this.sent);
  }

  private async run(): Promise<void> {
    for (let n = 0; !this.isOver; n += 1) {
      this.sent.push(this.send(n));
      await pause(EVERY_MS);
    }
  }

  private async send(n: number): Promise<void> {
    const isOfRule = n % 2 === 0;
    const caller = `probe-${isOfRule ? "rule" : "detector"}-${n}`;
    const nowMs = Date.now();
    const record = {
      timestamp: new Date(nowMs).toISOString(),
      event_type: "API_CALL",
      side: "callee",
      service_id: caller,
      target_id: isOfRule ? PROBED_CALLEE : "probed-by-a-detector",
      request_id: `probe-${n}`,
      operation: "GET /probe",
      status: "success",
      // Only what a detector finds is accepted after its expiry.
      ...(isOfRule ? {} : { credential_id: "expired", auth_expires_at: new Date(nowMs - YEAR_MS).toISOString() }),
    };
    for (;;) {
      const headers = { "content-type": "application/json" };
      const answer = await this.server.fetch("/v1/records", { method: "POST", headers, body: JSON.stringify(record) });
      if (answer.ok) break;
      if (answer.status !== 503 && answer.status !== 429)
        throw new Error(`a probe was answered ${answer.status}: ${await answer.text()}`);
      await pause(200);
    }
    this.acknowledged.set(caller, Date.now());
  }

  async figures(heard: ReadonlyMap<string, number>): Promise<ProbeFigures> {
    const raised = await raisedAlerts(this.server);
    return {
      rule_raised: this.delays("probe-rule-", raised),
      rule_notified: this.delays("probe-rule-", heard),
      detector_raised: this.delays("probe-detector-", raised),
      detector_notified: this.delays("probe-detector-", heard),
    };
  }

  /** Whether every probe was heard of. */
  areHeard(heard: ReadonlyMap<string, number>): boolean {
    return [...this.acknowledged.keys()].every((caller) => heard.has(caller));
  }

  private delays(prefix: string, times: ReadonlyMap<string, number>): Delays {
    const probes = [...this.acknowledged].filter(([caller]) => caller.startsWith(prefix));
    const ms = probes.flatMap(([caller, from]) => (times.has(caller) ? [Math.max(0, times.get(caller)! - from)] : []));
    ms.sort((a, b) => a - b);
    return {
      probes: probes.length,
      missing: probes.length - ms.length,
      p50: rounded(quantile(ms, 0.5)),
      p99: rounded(quantile(ms, 0.99)),
      max: rounded(ms.at(-1) ?? 0),
    };
  }
}

interface Raised {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly raised_at: string;
}

/** Caller to when its alert was a durable record; the server's clock is this machine's. */
async function raisedAlerts(server: RunningServer): Promise<ReadonlyMap<string, number>> {
  const raised = new Map<string, number>();
  for (let before = ""; ;) {
    const { alerts } = await server.json<{ readonly alerts: readonly Raised[] }>(`/api/alerts?limit=100${before}`);
    const last = alerts.at(-1);
    if (last === undefined) return raised;
    before = `&before=${encodeURIComponent(last.id)}`;
    for (const { labels, raised_at: at } of alerts) {
      const caller = labels["caller"];
      if (caller?.startsWith("probe-")) raised.set(caller, Date.parse(at));
    }
  }
}
