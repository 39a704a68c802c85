/** The batch keys of the fold over the control log: made, revoked, and known for ever. */
import type { AuditRecord } from "@tallystick/record";
import {
  BATCH_ALG_ATTRIBUTE as ALG,
  BATCH_KEY_CREATED as CREATE,
  BATCH_KID_ATTRIBUTE as KID,
  BATCH_PUBLIC_KEY_ATTRIBUTE as PUBLIC,
} from "@tallystick/verify";

import { TallystickError } from "../errors.ts";
import type { BatchKeyInfo, BatchKeys, NewBatchKey } from "./batch-key.ts";
import type { Changes } from "./changes.ts";
import { MAX_BATCH_KEYS } from "./limits.ts";
import type { OwnFields } from "./own-record.ts";

const REVOKE = "revoke batch key";
const NAME = "tallystick.batch_key_name";
const SERVICE = "tallystick.batch_service";
const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export class BatchKeyBook implements BatchKeys {
  readonly #keys: ReadonlyMap<string, BatchKeyInfo>;
  readonly #changes: Changes;

  constructor(keys: ReadonlyMap<string, BatchKeyInfo>, changes: Changes) {
    this.#keys = keys;
    this.#changes = changes;
  }

  newKid(): string {
    return this.#changes.newId("bsk");
  }

  create(by: string, kid: string, request: NewBatchKey): Promise<BatchKeyInfo> {
    return this.#changes.inTurn(async () => {
      if (!KEY_NAME.test(request.name))
        throw new TallystickError("bad_request", "A batch key's name is 1 to 63 letters, digits, dots and dashes.");
      if (this.list().some(({ name }) => name === request.name))
        throw new TallystickError("name_taken", `There is, or was, a batch key called ${request.name}.`);
      if (this.#keys.size >= MAX_BATCH_KEYS)
        throw new TallystickError("bad_request", `There are ${MAX_BATCH_KEYS} batch keys already.`);
      await this.#changes.record(createdFields(by, kid, request));
      return this.#keys.get(kid)!;
    });
  }

  revoke(by: string, kid: string): Promise<BatchKeyInfo | null> {
    return this.#changes.inTurn(async () => {
      const key = this.#keys.get(kid);
      if (key === undefined) return null;
      if (key.revokedAt === null) await this.#changes.record(revokedFields(by, key));
      return this.#keys.get(kid)!;
    });
  }

  find(kid: string): BatchKeyInfo | null {
    return this.#keys.get(kid) ?? null;
  }

  list(): readonly BatchKeyInfo[] {
    return [...this.#keys.values()];
  }
}

function createdFields(by: string, kid: string, { name, alg, service, publicKey }: NewBatchKey): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: CREATE,
    action: "create",
    resource: `batch-key/${kid}`,
    auth_subject: by,
    attributes: {
      [KID]: kid,
      [NAME]: name,
      [ALG]: alg,
      [SERVICE]: service,
      ...(publicKey === null ? {} : { [PUBLIC]: publicKey }),
    },
  };
}

function revokedFields(by: string, { kid, name }: BatchKeyInfo): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: REVOKE,
    action: "revoke",
    resource: `batch-key/${kid}`,
    auth_subject: by,
    attributes: { [KID]: kid, [NAME]: name },
  };
}

/** What a record of the control log does to the keys; most do nothing. */
export function applyBatchKey(keys: Map<string, BatchKeyInfo>, record: AuditRecord): void {
  const {
    [KID]: kid,
    [NAME]: name,
    [ALG]: alg,
    [SERVICE]: service,
    [PUBLIC]: publicKey = null,
  } = record.attributes ?? {};
  if (record.event_type !== "CONFIG_CHANGE" || kid === undefined || name === undefined) return;
  const known = keys.get(kid);
  if (record.operation === REVOKE && known?.revokedAt === null)
    keys.set(kid, { ...known, revokedAt: record.timestamp });
  if (record.operation !== CREATE || service === undefined) return;
  if (alg !== "ed25519" && alg !== "hmac-sha256") return;
  keys.set(kid, { kid, name, alg, service, publicKey, createdAt: record.timestamp, revokedAt: null });
}
