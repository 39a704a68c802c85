/**
 * One login at a PKCS#11 token: what the KMS needs of it and nothing more. Calls run one after another, since a session
 * has one operation at a time; each has a bound, and one that fails in a way that a fresh session may mend is tried
 * once more with one.
 *
 * Left out on purpose: any way to read a key. What is made here is made in the token and never leaves it.
 */
import type * as Pkcs11 from "pkcs11js";

import type { Clock } from "../clock.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import { HSM_ANSWER_MS, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "./limits.ts";

export interface HsmPlace {
  /** Path of the vendor's library. */
  readonly module: string;
  /** The token's label. */
  readonly token: string;
  readonly pin: string;
}

export interface HsmKey {
  readonly handle: Pkcs11.Handle;
  /** CKA_ID in hex. */
  readonly id: string;
}

type Library = typeof Pkcs11;
type Work<Result> = (api: Pkcs11.PKCS11, session: Pkcs11.Handle, library: Library) => Promise<Result>;

/**
 * A library is initialised once a process, whoever uses it, and anew when a token is in trouble: only then it looks
 * which tokens there are.
 */
const LOADED = new Map<string, Pkcs11.PKCS11>();

interface Login {
  readonly api: Pkcs11.PKCS11;
  readonly session: Pkcs11.Handle;
}

export class HsmSession {
  readonly #place: HsmPlace;
  readonly #clock: Clock;
  #library: Library | null = null;
  #login: Login | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(place: HsmPlace, clock: Clock) {
    this.#place = place;
    this.#clock = clock;
  }

  /** All AES keys of a label, by CKA_ID ascending. */
  keys(label: string): Promise<readonly HsmKey[]> {
    return this.#call(async (api, session, p) => {
      api.C_FindObjectsInit(session, [
        { type: p.CKA_CLASS, value: p.CKO_SECRET_KEY },
        { type: p.CKA_KEY_TYPE, value: p.CKK_AES },
        { type: p.CKA_LABEL, value: label },
      ]);
      const found: HsmKey[] = [];
      try {
        for (let handle = api.C_FindObjects(session); handle !== null; handle = api.C_FindObjects(session)) {
          const [id] = api.C_GetAttributeValue(session, handle, [{ type: p.CKA_ID }]);
          found.push({ handle: Buffer.from(handle), id: id!.value.toString("hex") });
        }
      } finally {
        api.C_FindObjectsFinal(session);
      }
      return found.sort((one, other) => (one.id < other.id ? -1 : 1));
    });
  }

  /** A new AES-256 key in the token: sensitive, not extractable. */
  generate(label: string, id: string): Promise<HsmKey> {
    return this.#call(async (api, session, p) => {
      const handle = api.C_GenerateKey(session, { mechanism: p.CKM_AES_KEY_GEN }, [
        { type: p.CKA_CLASS, value: p.CKO_SECRET_KEY },
        { type: p.CKA_TOKEN, value: true },
        { type: p.CKA_PRIVATE, value: true },
        { type: p.CKA_SENSITIVE, value: true },
        { type: p.CKA_EXTRACTABLE, value: false },
        { type: p.CKA_ENCRYPT, value: true },
        { type: p.CKA_DECRYPT, value: true },
        { type: p.CKA_VALUE_LEN, value: KEY_BYTES },
        { type: p.CKA_LABEL, value: label },
        { type: p.CKA_ID, value: Buffer.from(id, "hex") },
      ]);
      return { handle: Buffer.from(handle), id };
    });
  }

  /** AES-256-GCM: the ciphertext with its tag. */
  encrypt(key: HsmKey, nonce: Uint8Array, context: string, plain: Uint8Array): Promise<Uint8Array> {
    return this.#call(async (api, session, p) => {
      api.C_EncryptInit(session, gcm(p, nonce, context), key.handle);
      return api.C_EncryptAsync(session, Buffer.from(plain), Buffer.alloc(plain.length + TAG_BYTES));
    });
  }

  /** Null when key, nonce, context and ciphertext do not fit. */
  decrypt(key: HsmKey, nonce: Uint8Array, context: string, sealed: Uint8Array): Promise<Uint8Array | null> {
    return this.#call(async (api, session, p) => {
      api.C_DecryptInit(session, gcm(p, nonce, context), key.handle);
      try {
        return await api.C_DecryptAsync(session, Buffer.from(sealed), Buffer.alloc(sealed.length));
      } catch (error) {
        const refused = [p.CKR_ENCRYPTED_DATA_INVALID, p.CKR_ENCRYPTED_DATA_LEN_RANGE, p.CKR_GENERAL_ERROR];
        if (refused.includes(codeOf(error))) return null;
        throw error;
      }
    });
  }

  /** Looks afresh which token and which keys there are, with the next call. */
  async renew(): Promise<void> {
    await this.#turn.catch(() => undefined);
    this.#reset();
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    const login = this.#login;
    this.#login = null;
    if (login === null || LOADED.get(this.#place.module) !== login.api) return;
    try {
      login.api.C_CloseSession(login.session);
    } catch {
      // It ended by itself.
    }
  }

  #call<Result>(work: Work<Result>): Promise<Result> {
    const turn = this.#turn.catch(() => undefined).then(() => this.#twice(work));
    this.#turn = turn;
    return turn;
  }

  /** A session ends with its token, its driver or its daemon; a fresh one may be all that is needed. */
  async #twice<Result>(work: Work<Result>): Promise<Result> {
    try {
      return await this.#once(work);
    } catch (first) {
      if (isTallystickError(first)) throw first;
      this.#reset();
      try {
        return await this.#once(work);
      } catch (second) {
        if (isTallystickError(second)) throw second;
        this.#reset();
        throw this.#unreachable(second);
      }
    }
  }

  async #once<Result>(work: Work<Result>): Promise<Result> {
    this.#library ??= await loadLibrary();
    const library = this.#library;
    if (this.#login === null || LOADED.get(this.#place.module) !== this.#login.api) this.#login = this.#open(library);
    const { api, session } = this.#login;
    return this.#inTime(work(api, session, library));
  }

  #open(library: Library): Login {
    const { module, token, pin } = this.#place;
    const api = initialised(library, module);
    const slot = api.C_GetSlotList(true).find((one) => api.C_GetTokenInfo(one).label.trimEnd() === token);
    if (slot === undefined) {
      this.#reset();
      throw this.#unreachable(new Error(`there is no token ${token}`));
    }
    const session = api.C_OpenSession(slot, library.CKF_SERIAL_SESSION | library.CKF_RW_SESSION);
    logIn(library, api, session, pin, token);
    return { api, session };
  }

  #inTime<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(HSM_ANSWER_MS, () => reject(new Error(`no answer in ${HSM_ANSWER_MS} ms`)));
      work.then(resolve, reject).finally(cancel);
    });
  }

  #reset(): void {
    this.#login = null;
    const { module } = this.#place;
    const api = LOADED.get(module);
    LOADED.delete(module);
    try {
      api?.C_Finalize();
      api?.close();
    } catch {
      // The token may be gone, and with it what would be told that we go.
    }
  }

  #unreachable(cause: unknown): TallystickError {
    const why = cause instanceof Error ? cause.message : "no answer";
    return new TallystickError("kms_unreachable", `The token ${this.#place.token} does not answer: ${why}.`, {
      cause,
      hint: "What is unlocked goes on; the rest waits. Look at the HSM and at kms.pkcs11.",
      retryAfterS: 5,
    });
  }
}

async function loadLibrary(): Promise<Library> {
  try {
    const loaded = (await import("pkcs11js")) as Library & { readonly default?: Library };
    return loaded.default ?? loaded;
  } catch (cause) {
    throw new TallystickError("config_invalid", "kms.provider: pkcs11 needs the npm package pkcs11js.", {
      cause,
      hint: "Install it beside Tallystick: npm install pkcs11js",
    });
  }
}

function initialised(library: Library, module: string): Pkcs11.PKCS11 {
  const known = LOADED.get(module);
  if (known !== undefined) return known;
  const api = new library.PKCS11();
  try {
    api.load(module);
  } catch (cause) {
    throw new TallystickError("config_invalid", `kms.pkcs11.module: ${module} cannot be loaded.`, {
      cause,
      hint: "Name the PKCS#11 library of the HSM, as /usr/lib/softhsm/libsofthsm2.so.",
    });
  }
  try {
    api.C_Initialize({ flags: library.CKF_OS_LOCKING_OK });
  } catch (error) {
    if (codeOf(error) !== library.CKR_CRYPTOKI_ALREADY_INITIALIZED) throw error;
  }
  LOADED.set(module, api);
  return api;
}

/** A wrong PIN is never tried again: tokens lock themselves after a few. */
function logIn(library: Library, api: Pkcs11.PKCS11, session: Pkcs11.Handle, pin: string, token: string): void {
  try {
    api.C_Login(session, library.CKU_USER, pin);
  } catch (cause) {
    if (codeOf(cause) === library.CKR_USER_ALREADY_LOGGED_IN) return;
    const refused = [library.CKR_PIN_INCORRECT, library.CKR_PIN_LOCKED, library.CKR_PIN_LEN_RANGE];
    if (!refused.includes(codeOf(cause))) throw cause;
    throw new TallystickError("key_unavailable", `The token ${token} refuses the PIN.`, {
      cause,
      fatal: true,
      hint: "Put the token's user PIN into the file that kms.pkcs11.pin_file names; it is not tried again by itself.",
    });
  }
}

function gcm(library: Library, nonce: Uint8Array, context: string): Pkcs11.Mechanism {
  const parameter: Pkcs11.AesGCM = {
    type: library.CK_PARAMS_AES_GCM,
    iv: Buffer.from(nonce),
    aad: Buffer.from(context, "utf8"),
    ivBits: NONCE_BYTES * 8,
    tagBits: TAG_BYTES * 8,
  };
  return { mechanism: library.CKM_AES_GCM, parameter };
}

function codeOf(error: unknown): number {
  return (error as { readonly code?: number }).code ?? 0;
}
