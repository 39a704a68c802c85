/**
 * A KMS in a PKCS#11 token, asked from a thread of its own: an HSM that takes long, or hangs, holds up whoever waits
 * for a key and nothing else.
 *
 * Invariant: every call ends, with an answer or as `kms_unreachable`; one that was given up may still be carried out.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { Kms } from "./kms.ts";
import { HSM_THREAD_ANSWER_MS } from "./limits.ts";
import type { Pkcs11Token, TokenCall, TokenReply } from "./node-pkcs11-worker.ts";

export async function openPkcs11InThread(token: Pkcs11Token, clock: Clock): Promise<Kms> {
  const thread = new TokenThread(token.token, clock);
  try {
    await thread.ask({ call: "open", token });
  } catch (error) {
    await thread.end();
    throw error;
  }
  return {
    get keyId() {
      return thread.keyId;
    },
    wrap: (plain, context) => thread.bytesOf({ call: "wrap", plain, context }),
    unwrap: (wrapped, context, keyId) => thread.bytesOf({ call: "unwrap", wrapped, context, keyId }),
    rotate: async () => void (await thread.ask({ call: "rotate" })),
    // They stay in the token for backups; destroying one is the HSM administrator's act.
    retire: async () => {},
    async close() {
      await thread.ask({ call: "close" }).catch(() => undefined);
      await thread.end();
    },
  };
}

type Done = Extract<TokenReply, { readonly kind: "done" }>;

class TokenThread {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (reply: TokenReply | Error) => void>();
  #last = 0;
  #ended: Error | null = null;
  /** As of the newest answer. */
  keyId = "";

  constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
    this.#worker = new Worker(builtWorker());
    this.#worker.unref();
    this.#worker.on("message", (reply: TokenReply) => this.#waiting.get(reply.number)?.(reply));
    this.#worker.on("error", (error) => this.#over(error));
    this.#worker.on("exit", () => this.#over(new Error("its thread has ended")));
  }

  async ask(call: TokenCall): Promise<Done> {
    if (this.#ended !== null) throw this.#unreachable(this.#ended);
    const number = ++this.#last;
    const reply = await new Promise<TokenReply | Error>((resolve) => {
      const late = new Error(`no answer in ${HSM_THREAD_ANSWER_MS} ms`);
      const cancel = this.#clock.after(HSM_THREAD_ANSWER_MS, () => this.#waiting.get(number)?.(late));
      this.#waiting.set(number, (answer) => {
        cancel();
        this.#waiting.delete(number);
        resolve(answer);
      });
      // Whoever asks is waited for, also when nothing else keeps the process alive.
      this.#worker.ref();
      this.#worker.postMessage({ number, ...call }, []);
    });
    if (this.#waiting.size === 0) this.#worker.unref();
    if (reply instanceof Error) throw this.#unreachable(reply);
    if (reply.kind === "failed") throw new TallystickError(reply.code, reply.message, reply.detail);
    this.keyId = reply.keyId;
    return reply;
  }

  async bytesOf(call: TokenCall): Promise<Uint8Array> {
    return (await this.ask(call)).bytes ?? new Uint8Array(0);
  }

  async end(): Promise<void> {
    this.#over(new Error("it was closed"));
    await this.#worker.terminate();
  }

  #over(why: Error): void {
    this.#ended ??= why;
    for (const answer of this.#waiting.values()) answer(why);
  }

  #unreachable(cause: Error): TallystickError {
    return new TallystickError("kms_unreachable", `The token ${this.#name} does not answer: ${cause.message}.`, {
      cause,
      hint: "What is unlocked goes on; the rest waits. Look at the HSM and at kms.pkcs11.",
      retryAfterS: 5,
    });
  }
}

/** From the build the worker lies beside; from the sources (tests, tsx) it lies in the build. */
function builtWorker(): string {
  const isSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(
    new URL(isSource ? "../../dist/kms/node-pkcs11-worker.js" : "./node-pkcs11-worker.js", import.meta.url),
  );
}
