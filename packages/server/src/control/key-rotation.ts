/** The folder's keys under another wrapping key, as records of the control log. */
import type { Keyring, Rewrapped } from "../kms/kms.ts";
import type { Control } from "./control.ts";

/**
 * A new KMS key and every data key under it. Its beginning is recorded before and its end after, so that one which was
 * killed in between is seen too.
 */
export async function rotateWrappingKey(keyring: Keyring, control: Control, by: string): Promise<Rewrapped> {
  await control.note({ ...about(by), operation: "rotate kms key", phase: "intent", status: "unknown" });
  const rewrapped = await keyring.rotate();
  await control.note({ ...about(by), operation: "rotate kms key", attributes: attributesOf(rewrapped) });
  return rewrapped;
}

export function recordRewrapped(control: Control, by: string, rewrapped: Rewrapped): Promise<void> {
  return control.note({ ...about(by), operation: "rewrap keys", attributes: attributesOf(rewrapped) });
}

function about(by: string) {
  return { event_type: "CONFIG_CHANGE", action: "update", resource: "keys", auth_subject: by } as const;
}

function attributesOf({ before, kms, keys }: Rewrapped): Readonly<Record<string, string>> {
  return {
    "tallystick.kms_before": before,
    "tallystick.kms": kms,
    "tallystick.keys_rewrapped": String(keys),
  };
}
