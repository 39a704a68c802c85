/** Who may come in, from the configuration: sessions, tokens, certificates and JWTs of other issuers. */
import { resolve } from "node:path";
import type { Logger } from "pino";

import type { AccessParts } from "./access/authenticate.ts";
import { DeviceLogins } from "./access/devices.ts";
import { jwts } from "./access/jwt.ts";
import { keptKeySet, keySetByFile, keySetByUrl, parseKeySet } from "./access/key-sets.ts";
import type { KeySet } from "./access/key-sets.ts";
import { ACCOUNT_WINDOW_MS, MAX_ACCOUNT_FAILURES } from "./access/limits.ts";
import type { OidcLogin } from "./access/oidc.ts";
import { Passwords } from "./access/passwords.ts";
import { principalRules } from "./access/principal-rules.ts";
import { memorySessions } from "./access/sessions.ts";
import { failureThrottle } from "./access/throttle.ts";
import type { FolderRequest } from "./cli/parts.ts";
import type { Control } from "./control/control.ts";
import { secretDigest } from "./control/secret.ts";
import { TallystickError } from "./errors.ts";
import type { Keyring } from "./kms/kms.ts";
import { oidcLogin } from "./oidc-login.ts";
import type { Machine } from "./machine.ts";

export interface LoginParts extends AccessParts {
  readonly devices: DeviceLogins;
  readonly oidc: OidcLogin | null;
}

export interface AccessRequest {
  readonly machine: Machine;
  readonly request: FolderRequest;
  readonly control: Control;
  readonly adminToken: string;
  readonly keyring: Keyring;
  readonly log: Logger;
}

/** `config_invalid` for rules and issuers that mean nothing, and for a file of keys that cannot be read. */
export async function accessParts(parts: AccessRequest): Promise<LoginParts> {
  const { machine, request } = parts;
  const { clock, random } = machine;
  const { http, access } = request.config.config;
  const issuers = [];
  for (const [place, issuer] of access.jwt.entries())
    issuers.push({ ...issuer, keys: await keySetOf(parts, issuer, `access.jwt.${place}.jwks`) });
  return {
    control: parts.control,
    sessions: memorySessions(clock, random, {
      sessionMs: http.session_hours * 3_600_000,
      idleMs: http.idle_minutes * 60_000,
      linkMs: http.login_link_minutes * 60_000,
    }),
    throttle: failureThrottle(clock, http.failed_logins_per_minute),
    accounts: failureThrottle(clock, MAX_ACCOUNT_FAILURES, ACCOUNT_WINDOW_MS),
    passwords: new Passwords(() => parts.keyring.key("passwords"), random, machine.passwordCost),
    devices: new DeviceLogins(clock, random),
    oidc: await oidcLogin(machine, request.config.config, request.base, parts.keyring),
    adminDigest: secretDigest(parts.adminToken),
    jwts: jwts(issuers, clock),
    rules: principalRules(access.principals),
  };
}

async function keySetOf(
  { machine, request, log }: AccessRequest,
  issuer: { readonly name: string; readonly jwks: string },
  where: string,
): Promise<KeySet> {
  const { clock, disk, fetch } = machine;
  const onTrouble = (error: unknown) =>
    log.warn({ err: error, issuer: issuer.name }, "the keys of a JWT issuer cannot be read");
  if (/^[a-z]+:\/\//i.test(issuer.jwks))
    return keptKeySet({ clock, onTrouble, read: keySetByUrl(issuer.jwks, fetch, where) });
  const read = keySetByFile(resolve(request.base, issuer.jwks), disk);
  try {
    parseKeySet(await read());
  } catch (cause) {
    const why = cause instanceof SyntaxError ? "It is no JSON." : (cause as Error).message;
    throw new TallystickError("config_invalid", `${where}: ${issuer.jwks} is no set of public keys. ${why}`, { cause });
  }
  return keptKeySet({ clock, onTrouble, read });
}
