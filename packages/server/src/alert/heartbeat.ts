/**
 * The dead man's switch: tells an address elsewhere every now and then that detection and alerting work. Whoever
 * listens there raises it when the word stays out, whatever the reason. Nothing is told while a part stands still.
 */
import type { Clock } from "../clock.ts";
import type { Post, Secret } from "./notify/channel.ts";

export interface Pulse {
  /** As `alerts` or `rules`. */
  readonly part: string;
  /** When it last got through its work, in microseconds; 0: not yet. */
  readonly atUs: () => number;
}

export interface HeartbeatParts {
  readonly clock: Clock;
  readonly everyMs: number;
  /** Null: nobody listens; the figures are kept all the same. */
  readonly url: Secret | null;
  readonly post: Post;
  readonly pulses: readonly Pulse[];
  readonly onTrouble: (message: string) => void;
}

/** A part that did nothing for so many beats stands still. */
const STILL_BEATS = 3;
const STILL_AT_LEAST_MS = 180_000;

export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #startedUs: number;
  #cancel: () => void = () => {};
  #beating: Promise<void> = Promise.resolve();
  #toldAtUs = 0;
  #isClosed = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#startedUs = parts.clock.nowUs();
    this.#schedule();
  }

  /** When somebody last heard of us, in microseconds; 0: never. */
  toldAtUs(): number {
    return this.#toldAtUs;
  }

  /** Parts that stand still. */
  still(): readonly string[] {
    const { clock, everyMs, pulses } = this.#parts;
    const patienceUs = Math.max(STILL_AT_LEAST_MS, STILL_BEATS * everyMs) * 1_000;
    const nowUs = clock.nowUs();
    return pulses.filter(({ atUs }) => nowUs - Math.max(atUs(), this.#startedUs) > patienceUs).map(({ part }) => part);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#beating;
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#parts.clock.after(this.#parts.everyMs, () => {
      this.#beating = this.#beat().finally(() => this.#schedule());
    });
  }

  async #beat(): Promise<void> {
    const { url, post, clock, onTrouble } = this.#parts;
    const still = this.still();
    if (still.length > 0) return onTrouble(`no heartbeat is sent: ${still.join(", ")} stands still`);
    if (url === null) return;
    try {
      const { status } = await post({ url: await url(), headers: { "content-type": "text/plain" }, body: "" });
      if (status >= 200 && status < 300) this.#toldAtUs = clock.nowUs();
      else onTrouble(`the heartbeat was answered ${status}`);
    } catch (error) {
      onTrouble(`the heartbeat did not arrive: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
