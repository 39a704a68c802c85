/**
 * A KMS in a PKCS#11 token (an HSM, SoftHSM2). The wrapping key is made in the token, is neither readable nor
 * exportable, and does its work there; the folder holds only what it wrapped. Keys of one label tell themselves apart
 * by CKA_ID, which begins with the time of making, so that the newest one wraps.
 */
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import { HsmSession } from "./hsm-session.ts";
import type { HsmKey, HsmPlace } from "./hsm-session.ts";
import type { Kms } from "./kms.ts";
import { NONCE_BYTES, TAG_BYTES, WRAP_VERSION } from "./limits.ts";

export interface Pkcs11Options extends HsmPlace {
  /** CKA_LABEL of the wrapping keys. */
  readonly label: string;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Make the first key when the token has none of the label. */
  readonly create: boolean;
}

export async function openPkcs11Kms(options: Pkcs11Options): Promise<Kms> {
  const kms = new Pkcs11Kms(options);
  try {
    await kms.open();
    return kms;
  } catch (error) {
    await kms.close();
    throw error;
  }
}

const TIME_BYTES = 6;
const RANDOM_ID_BYTES = 4;

class Pkcs11Kms implements Kms {
  readonly #options: Pkcs11Options;
  readonly #session: HsmSession;
  #current: HsmKey | null = null;

  constructor(options: Pkcs11Options) {
    this.#options = options;
    this.#session = new HsmSession(options, options.clock);
  }

  get keyId(): string {
    return this.#nameOf(this.#current!);
  }

  async open(): Promise<void> {
    const { label, token, create } = this.#options;
    this.#current = await this.#find((keys) => keys.at(-1));
    if (this.#current !== null) return;
    if (!create) {
      throw new TallystickError("key_unavailable", `The token ${token} has no key ${label}.`, {
        fatal: true,
        hint: "Name the token and key that this folder was made with (kms.pkcs11), or bring the token back.",
      });
    }
    await this.rotate();
  }

  async wrap(plain: Uint8Array, context: string): Promise<Uint8Array> {
    const nonce = this.#options.randomBytes(NONCE_BYTES);
    const sealed = await this.#session.encrypt(await this.#fresh(this.#current!), nonce, context, plain);
    return Buffer.concat([Uint8Array.of(WRAP_VERSION), nonce, sealed]);
  }

  async unwrap(wrapped: Uint8Array, context: string, keyId: string): Promise<Uint8Array> {
    if (wrapped[0] !== WRAP_VERSION || wrapped.length < 1 + NONCE_BYTES + TAG_BYTES)
      throw unfit("a wrapped key has a form that this version does not know");
    const key = await this.#find((keys) => keys.find((one) => this.#nameOf(one) === keyId));
    if (key === null) throw unfit(`a key is wrapped under ${keyId}, which the token does not have`);
    const nonce = wrapped.subarray(1, 1 + NONCE_BYTES);
    const plain = await this.#session.decrypt(key, nonce, context, wrapped.subarray(1 + NONCE_BYTES));
    if (plain === null) throw unfit(`a wrapped key does not open under ${keyId}`);
    return plain;
  }

  async rotate(): Promise<void> {
    const { label, clock, randomBytes } = this.#options;
    const time = Buffer.alloc(TIME_BYTES);
    const last = this.#current === null ? -1 : Number.parseInt(this.#current.id.slice(0, TIME_BYTES * 2), 16);
    // Later than the last one, also when the clock went back.
    time.writeUIntBE(Math.max(last + 1, Math.floor(clock.nowUs() / 1_000)), 0, TIME_BYTES);
    const id = time.toString("hex") + Buffer.from(randomBytes(RANDOM_ID_BYTES)).toString("hex");
    this.#current = await this.#session.generate(label, id);
  }

  /** They stay in the token for backups; destroying one is the HSM administrator's act. */
  async retire(): Promise<void> {}

  close(): Promise<void> {
    return this.#session.close();
  }

  /** Handles end with their session; the id does not. */
  async #fresh(key: HsmKey): Promise<HsmKey> {
    const found = await this.#find((keys) => keys.find(({ id }) => id === key.id));
    if (found === null) throw unfit(`the token has lost the key ${this.#nameOf(key)}`);
    return found;
  }

  /** A key that is not there may have gone with its token, which a fresh look tells. */
  async #find(choose: (keys: readonly HsmKey[]) => HsmKey | undefined): Promise<HsmKey | null> {
    const { label } = this.#options;
    const found = choose(await this.#session.keys(label));
    if (found !== undefined) return found;
    await this.#session.renew();
    return choose(await this.#session.keys(label)) ?? null;
  }

  #nameOf({ id }: HsmKey): string {
    return `pkcs11:${this.#options.token}/${this.#options.label}/${id}`;
  }
}

function unfit(message: string): TallystickError {
  return new TallystickError("key_unavailable", message, {
    hint: "Give the token and key that this folder's keys are wrapped under (kms.pkcs11).",
  });
}
