/** Secrets of others that the server has to tell again, set and taken away by people, each time as a record. */
import { TallystickError } from "../errors.ts";
import type { Keyring, SecretInfo } from "../kms/kms.ts";
import { MAX_SECRET_BYTES, MAX_SECRETS } from "../kms/limits.ts";
import type { Control } from "./control.ts";

export const SECRET_NAME = "^[a-z0-9][a-z0-9_-]{0,62}$";

export type SecretKeyring = Pick<Keyring, "setSecret" | "secrets">;

/** Recorded, then stored. TallystickError `bad_request`, `kms_unreachable`, `journal_unavailable`. */
export async function setSecret(
  keyring: SecretKeyring,
  control: Pick<Control, "note">,
  by: string,
  name: string,
  secret: string,
): Promise<SecretInfo> {
  const text = secret.replace(/\r?\n$/, "");
  if (text === "") throw new TallystickError("bad_request", "The secret is empty.");
  if (Buffer.byteLength(text) > MAX_SECRET_BYTES)
    throw new TallystickError("bad_request", `A secret has at most ${MAX_SECRET_BYTES} bytes.`);
  const known = await keyring.secrets();
  const isNew = known.every((one) => one.name !== name);
  if (isNew && known.length >= MAX_SECRETS)
    throw new TallystickError("bad_request", `There are ${MAX_SECRETS} secrets already.`);
  await control.note({ ...about(by, name), operation: "set secret", action: isNew ? "create" : "update" });
  await keyring.setSecret(name, text);
  return (await keyring.secrets()).find((one) => one.name === name)!;
}

/** False when there is none of the name. */
export async function removeSecret(
  keyring: SecretKeyring,
  control: Pick<Control, "note">,
  by: string,
  name: string,
): Promise<boolean> {
  if ((await keyring.secrets()).every((one) => one.name !== name)) return false;
  await control.note({ ...about(by, name), operation: "remove secret", action: "delete" });
  await keyring.setSecret(name, null);
  return true;
}

function about(by: string, name: string) {
  return { event_type: "CONFIG_CHANGE", resource: `secret/${name}`, auth_subject: by } as const;
}
