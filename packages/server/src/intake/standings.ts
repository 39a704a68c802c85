import { slotOf } from "@tallystick/record";
import type { NormaliseOutcome } from "@tallystick/record";

import { claimedName, standingOf } from "../access/access.ts";
import type { Claimed } from "../access/access.ts";
import { STANDINGS } from "../journal/journal.ts";
import type { Claim, IntakeRequest } from "./intake.ts";
import { MAX_CLAIMED_NAMES } from "./limits.ts";

type Slots = Extract<NormaliseOutcome, { readonly kind: "ok" }>["slots"];
type Counted = { -readonly [Field in keyof Claim]: Claim[Field] };

const SIDE = slotOf("side");
const SERVICE = slotOf("service_id");
const TARGET = slotOf("target_id");
const RECORDER = slotOf("recorder_id");

/** Whose word each record of one request is; names that were taken are counted. */
export class Standings {
  readonly #sender: IntakeRequest["sender"];
  /** Of a sender whose every record stands alike: nobody's word but a relay's of all, or the administrator's. */
  readonly #always: number | null;
  readonly #claims = new Map<string, Counted>();
  #recorder: unknown;
  #party: unknown;
  #target: unknown;
  #side: unknown;
  #standing = 0;
  #claim: Counted | null = null;

  constructor(sender: IntakeRequest["sender"]) {
    this.#sender = sender;
    const speaks = sender.service !== null || sender.services.length > 0;
    // The administrator speaks for no service, and takes no name by sending one's records.
    const standing = sender.relay === "*" ? "relayed" : sender.relay === null ? "claimed" : null;
    this.#always = speaks || standing === null ? null : STANDINGS.indexOf(standing);
  }

  /**
   * Index into STANDINGS. Consecutive records mostly have one recorder. A side that was filled in (`isSideSent` false)
   * and made the sender an observer is judged by both ends of the call.
   */
  record(slots: Slots, line: number, isSideSent: boolean): number {
    if (this.#always !== null) return this.#always;
    const sideOrNone = isSideSent || slots[SIDE] !== "observer" ? slots[SIDE] : null;
    const recorder = slots[RECORDER];
    const party = sideOrNone === "observer" ? recorder : sideOrNone === "callee" ? slots[TARGET] : slots[SERVICE];
    const target = sideOrNone === null ? slots[TARGET] : null;
    const isSame = recorder === this.#recorder && party === this.#party && target === this.#target;
    if (!isSame || sideOrNone !== this.#side) {
      [this.#recorder, this.#party, this.#target, this.#side] = [recorder, party, target, sideOrNone];
      this.#judge(slots, line, isSideSent);
    }
    if (this.#claim !== null) this.#claim.count += 1;
    return this.#standing;
  }

  claims(): readonly Claim[] {
    return [...this.#claims.values()];
  }

  #judge(slots: Slots, line: number, isSideSent: boolean): void {
    const spoken = {
      isSideSent,
      side: slots[SIDE],
      service_id: slots[SERVICE],
      target_id: slots[TARGET],
      recorder_id: slots[RECORDER],
    } as Claimed;
    const standing = standingOf(this.#sender, spoken);
    this.#standing = STANDINGS.indexOf(standing);
    const name = standing === "claimed" ? claimedName(this.#sender, this.#sender.principal, spoken) : null;
    this.#claim = name === null ? null : this.#claimOf(name, line);
  }

  #claimOf(name: string, line: number): Counted {
    const isFull = this.#claims.size >= MAX_CLAIMED_NAMES && !this.#claims.has(name);
    const known = isFull ? [...this.#claims.values()].at(-1) : this.#claims.get(name);
    if (known !== undefined) return known;
    const claim = { name, count: 0, line };
    this.#claims.set(name, claim);
    return claim;
  }
}
