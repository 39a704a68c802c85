import { resolve } from "node:path";

import { OidcLogin } from "./access/oidc.ts";
import type { Config } from "./config/schema.ts";
import { TallystickError } from "./errors.ts";
import type { Keyring } from "./kms/kms.ts";
import type { Machine } from "./machine.ts";
import type { Scope } from "./search/scope.ts";

/** Null when no provider is configured. TallystickError `config_invalid`. */
export async function oidcLogin(
  machine: Machine,
  { oidc }: Config,
  base: string,
  keyring: Pick<Keyring, "secret">,
): Promise<OidcLogin | null> {
  if (oidc.issuer === "") return null;
  const refuse = (key: string, message: string) => new TallystickError("config_invalid", `oidc.${key}: ${message}`);
  const { protocol, hostname } = new URL(oidc.issuer);
  if (protocol !== "https:" && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
    throw refuse("issuer", "an issuer that is not on this machine is reached by https:// only.");
  if (oidc.client_id === "") throw refuse("client_id", "the provider knows this server by a client id; name it.");
  if (oidc.roles.length === 0)
    throw refuse("roles", "nobody could log in: name at least one group and the role that it gives.");
  if (oidc.client_secret_file !== "" && oidc.client_secret_name !== "")
    throw refuse("client_secret_name", "the secret is in a file or stored, not both.");
  return new OidcLogin(
    {
      issuer: oidc.issuer,
      clientId: oidc.client_id,
      clientSecret: await clientSecret(machine, oidc, base, keyring),
      scopes: oidc.scopes,
      nameClaim: oidc.name_claim,
      requiresVerifiedEmail: oidc.require_verified_email,
      groupsClaim: oidc.groups_claim,
      rules: oidc.roles.map(({ group, role, logs, services, data_classes: dataClasses }) => {
        const scope: Scope = { logs: logs ?? "*", services: services ?? "*", dataClasses: dataClasses ?? "*" };
        return { group, role, scope };
      }),
    },
    machine.clock,
  );
}

/** What people store may come later than the start, by which alone they can: until then nobody logs in by the provider. */
async function clientSecret(
  machine: Machine,
  { client_secret_file: file, client_secret_name: stored }: Config["oidc"],
  base: string,
  keyring: Pick<Keyring, "secret">,
): Promise<(() => Promise<string>) | null> {
  if (stored === "" && file === "") return null;
  if (stored === "") {
    const secret = await secretIn(machine, file, base);
    return () => Promise.resolve(secret);
  }
  return async () => {
    const secret = await keyring.secret(stored);
    if (secret !== null) return secret;
    throw new TallystickError("provider_unreachable", `No secret is stored as ${stored}.`, {
      hint: `An administrator stores it: tallystick secrets set ${stored}`,
    });
  };
}

async function secretIn({ disk }: Machine, file: string, base: string): Promise<string> {
  const bytes = await disk.readFile(resolve(base, file));
  const secret = bytes === null ? "" : Buffer.from(bytes).toString("utf8").trim();
  if (secret !== "") return secret;
  throw new TallystickError("config_invalid", `oidc.client_secret_file: ${file} is missing or empty.`);
}
