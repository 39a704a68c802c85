import type { Client } from "./client.ts";
import { CommandError } from "./command-error.ts";

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly service: string | null;
  readonly relay: readonly string[] | "*" | null;
  readonly log: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
}

export async function keysOf(client: Client): Promise<readonly Key[]> {
  return (await client.get<{ readonly keys: readonly Key[] }>("/api/keys")).keys;
}

/** By its id, or by the name of one that is not revoked. */
export async function keyCalled(client: Client, given: string): Promise<Key> {
  const found = (await keysOf(client)).find(
    (key) => key.id === given || (key.name === given && key.revoked_at === null),
  );
  if (found !== undefined) return found;
  throw new CommandError(`There is no key ${given}.`, {
    code: "not_found",
    hint: "`tallystick keys list` shows them.",
  });
}
