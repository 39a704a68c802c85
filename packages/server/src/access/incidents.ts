/**
 * What happens again and again and must be known, as records of the control log: a service's name taken by somebody
 * else, an allowance used up, a key or a token used that was revoked.
 *
 * Guarantees: the first of a kind by a principal is recorded at once; what follows within a minute is counted and
 * recorded at its end, so that an attacker cannot fill the log with the news of himself. The number of those who are
 * counted apart is bounded; beyond it they are counted together. Counts that were not recorded when the process is
 * killed are lost, the first of a minute is not.
 */
import { formatTimestamp } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { CONTROL_LOG } from "../control/own-logs.ts";
import { ownRecord } from "../control/own-record.ts";
import type { Random } from "../control/secret.ts";
import type { Journal } from "../journal/journal.ts";
import { INCIDENT_WINDOW_MS, MAX_INCIDENTS } from "./limits.ts";

/** A request with a key or a token that was revoked here. */
export const REVOKED_USE = "revoked_use";

export interface Incident {
  readonly kind: "impersonation" | "quota" | "blocked" | typeof REVOKED_USE;
  readonly principal: string;
  /** The service whose name was taken; the allowance that was used up; the block; the credential. */
  readonly about: string;
  /** What was answered. */
  readonly answer: "accepted" | "refused";
  /** Records, or requests. */
  readonly count: number;
  readonly address: string;
}

interface Window {
  readonly incident: Incident;
  readonly sinceUs: number;
  /** Not recorded yet. */
  count: number;
  /** Since the server's start. */
  total: number;
}

export interface IncidentTotal {
  readonly kind: Incident["kind"];
  readonly principal: string;
  readonly about: string;
  readonly answer: Incident["answer"];
  readonly total: number;
}

const OTHERS = "others";

export class Incidents {
  readonly #parts: { readonly journal: Journal; readonly clock: Clock; readonly random: Random };
  readonly #windows = new Map<string, Window>();
  readonly #totals = new Map<string, IncidentTotal>();
  #writing: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};
  #isWaiting = false;

  constructor(parts: { readonly journal: Journal; readonly clock: Clock; readonly random: Random }) {
    this.#parts = parts;
  }

  /** Resolves when the first of a minute is durable, or could not be made so; at once for those that follow. */
  note(noted: Incident): Promise<void> {
    const incident = this.#bounded(noted);
    const key = keyOf(incident);
    const { kind, principal, about, answer, count } = incident;
    const total = (this.#totals.get(key)?.total ?? 0) + count;
    this.#totals.set(key, { kind, principal, about, answer, total });
    const open = this.#windows.get(key);
    if (open !== undefined) {
      open.count += count;
      return Promise.resolve();
    }
    const window = { incident, sinceUs: this.#parts.clock.nowUs(), count, total };
    this.#windows.set(key, window);
    this.#wait();
    return this.#record([window]);
  }

  /** Since the server's start. */
  totals(): readonly IncidentTotal[] {
    return [...this.#totals.values()];
  }

  /** Records what was counted and not recorded yet. */
  async close(): Promise<void> {
    this.#cancel();
    await this.#record([...this.#windows.values()]);
  }

  #bounded(incident: Incident): Incident {
    if (this.#totals.has(keyOf(incident)) || this.#totals.size < MAX_INCIDENTS) return incident;
    return { ...incident, principal: OTHERS, about: OTHERS };
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#cancel = this.#parts.clock.after(INCIDENT_WINDOW_MS, () => {
      this.#isWaiting = false;
      const due = [...this.#windows];
      // A minute in which nothing more came ends it; what comes then is a first again.
      for (const [key, { count }] of due) if (count === 0) this.#windows.delete(key);
      if (this.#windows.size > 0) this.#wait();
      void this.#record(due.map(([, window]) => window));
    });
  }

  #record(windows: readonly Window[]): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const due = windows.filter(({ count }) => count > 0);
      if (due.length === 0) return;
      const { journal, clock, random } = this.#parts;
      const counts = due.map(({ count }) => count);
      const records = due.map((window) => ownRecord(clock, random, fieldsOf(window)));
      const outcome = await journal.appendOwn(CONTROL_LOG, records);
      // What was not taken stays counted and is tried again at the end of the minute.
      if (outcome.kind === "stored") for (const [place, window] of due.entries()) window.count -= counts[place]!;
    });
    return this.#writing;
  }
}

const keyOf = ({ kind, principal, about, answer }: Incident): string => [kind, principal, about, answer].join("\0");

const RESOURCE = {
  impersonation: "service",
  quota: "quota",
  blocked: "response",
  [REVOKED_USE]: "credential",
} as const;

function fieldsOf({ incident, count, sinceUs }: Window): Parameters<typeof ownRecord>[2] {
  const { kind, principal, about, answer, address } = incident;
  return {
    event_type: "ALERT",
    operation: kind,
    resource: `${RESOURCE[kind]}/${about}`,
    status: answer === "refused" ? "denied" : "success",
    auth_subject: principal,
    peer_address: address,
    attributes: {
      "tallystick.answer": answer,
      "tallystick.count": String(count),
      "tallystick.since": formatTimestamp(sinceUs),
    },
  };
}
