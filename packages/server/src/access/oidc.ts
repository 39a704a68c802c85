/**
 * Login by an OpenID Connect provider: authorization code with PKCE, state and nonce; the provider's signature, issuer
 * and audience are checked by openid-client. Groups become roles.
 *
 * Guarantees: who is in no group that the configuration names has no login, whatever the provider says; a login that
 * was begun is finished once, by the browser that began it, within ten minutes; no token of the provider's is kept or
 * shown. The provider is asked for its metadata at the first login and again after an hour, so that a server starts
 * without it.
 */
import type * as OpenId from "openid-client";

import type { Clock } from "../clock.ts";
import type { Role } from "../control/role.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import type { Scope } from "../search/scope.ts";
import {
  LOGIN_UNDER_WAY_MS,
  MAX_LOGINS_UNDER_WAY,
  MAX_OIDC_NAME_LENGTH,
  OIDC_METADATA_MS,
  OIDC_TIMEOUT_S,
} from "./limits.ts";
import type { Subject } from "./sessions.ts";

/** Who is in the group has the role; the first rule that fits counts. */
export interface GroupRule {
  readonly group: string;
  readonly role: Role;
  readonly scope: Scope;
}

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Asked for with the provider's metadata, since it may be stored later than the start; null for a public client. */
  readonly clientSecret: (() => Promise<string>) | null;
  readonly scopes: readonly string[];
  /** Which claim names a person. */
  readonly nameClaim: string;
  /** Whether an e-mail address names a person only when the provider says that it is verified. */
  readonly requiresVerifiedEmail: boolean;
  readonly groupsClaim: string;
  readonly rules: readonly GroupRule[];
}

const EMAIL_CLAIM = "email";
const VERIFIED_CLAIM = "email_verified";

interface UnderWay {
  readonly verifier: string;
  readonly nonce: string;
  readonly redirectUri: string;
  readonly expiresAtMs: number;
}

export class OidcLogin {
  readonly #settings: OidcSettings;
  readonly #clock: Clock;
  readonly #underWay = new Map<string, UnderWay>();
  #provider: Promise<{ readonly library: typeof OpenId; readonly configuration: OpenId.Configuration }> | null = null;
  #askedAtMs = 0;

  constructor(settings: OidcSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Where the browser goes, and what binds it to this login. */
  async begin(redirectUri: string): Promise<{ readonly url: string; readonly state: string }> {
    const { library, configuration } = await this.#ready();
    const verifier = library.randomPKCECodeVerifier();
    const state = library.randomState();
    const nonce = library.randomNonce();
    const url = library.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.#settings.scopes.join(" "),
      code_challenge: await library.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    const oldest = this.#underWay.keys().next();
    if (this.#underWay.size >= MAX_LOGINS_UNDER_WAY && oldest.done !== true) this.#underWay.delete(oldest.value);
    const expiresAtMs = this.#clock.monotonicMs() + LOGIN_UNDER_WAY_MS;
    this.#underWay.set(state, { verifier, nonce, redirectUri, expiresAtMs });
    return { url: url.href, state };
  }

  /**
   * Whom the provider let through; `query` is what came back with the browser. TallystickError `unauthenticated`,
   * `forbidden` for who has no role here, `provider_unreachable`.
   */
  async finish(state: string, query: string): Promise<Extract<Subject, { readonly kind: "oidc" }>> {
    const login = this.#underWay.get(state);
    this.#underWay.delete(state);
    if (login === undefined || login.expiresAtMs <= this.#clock.monotonicMs())
      throw refused("This login was used already, or is too old.");
    const { library, configuration } = await this.#ready();
    const claims = await this.#claims(library, configuration, login, state, query);
    return this.#subjectOf(claims);
  }

  async #claims(
    library: typeof OpenId,
    configuration: OpenId.Configuration,
    { verifier, nonce, redirectUri }: UnderWay,
    state: string,
    query: string,
  ): Promise<Readonly<Record<string, unknown>>> {
    try {
      const tokens = await library.authorizationCodeGrant(configuration, new URL(`${redirectUri}?${query}`), {
        pkceCodeVerifier: verifier,
        expectedNonce: nonce,
        expectedState: state,
        idTokenExpected: true,
      });
      const claims: Readonly<Record<string, unknown>> = tokens.claims() ?? {};
      const { nameClaim, groupsClaim } = this.#settings;
      const wanted = [groupsClaim, nameClaim, ...(nameClaim === EMAIL_CLAIM ? [VERIFIED_CLAIM] : [])];
      const isWhole = wanted.every((name) => claims[name] !== undefined);
      if (isWhole || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
      const more = await library.fetchUserInfo(configuration, tokens.access_token, String(claims["sub"]));
      return { ...more, ...claims };
    } catch (cause) {
      // What the provider said may quote what was sent to it.
      throw refused("The identity provider did not confirm this login.", cause);
    }
  }

  #subjectOf(claims: Readonly<Record<string, unknown>>): Extract<Subject, { readonly kind: "oidc" }> {
    const { nameClaim, groupsClaim, rules } = this.#settings;
    const name = claims[nameClaim];
    const isName = typeof name === "string" && /^[^\p{C}\s]+$/u.test(name) && name.length <= MAX_OIDC_NAME_LENGTH;
    if (!isName) throw refused(`The identity provider gave no usable ${nameClaim}.`);
    if (nameClaim === EMAIL_CLAIM) this.#checkVerified(claims[VERIFIED_CLAIM]);
    const claimed = claims[groupsClaim];
    const groups: readonly unknown[] = Array.isArray(claimed) ? claimed : [claimed];
    const rule = rules.find(({ group }) => groups.includes(group));
    if (rule !== undefined) return { kind: "oidc", name, role: rule.role, scope: rule.scope };
    throw new TallystickError("forbidden", "The identity provider knows you; no group of yours has a role here.", {
      hint: "Ask an administrator: `oidc.roles` of the configuration names the groups.",
    });
  }

  /** Whoever may choose an address at the provider would else stand in the log under somebody else's name. */
  #checkVerified(verified: unknown): void {
    if (verified === true || verified === "true") return;
    if (verified !== undefined && verified !== null)
      throw refused("The identity provider says that this e-mail address is not verified.");
    if (this.#settings.requiresVerifiedEmail)
      throw new TallystickError(
        "unauthenticated",
        "The identity provider does not say whether this e-mail address is verified.",
        {
          hint: "An administrator names another claim (`oidc.name_claim`), or sets `oidc.require_verified_email: false`.",
        },
      );
  }

  async #ready() {
    const nowMs = this.#clock.monotonicMs();
    if (this.#provider === null || nowMs - this.#askedAtMs > OIDC_METADATA_MS) {
      this.#askedAtMs = nowMs;
      this.#provider = this.#discover();
    }
    try {
      return await this.#provider;
    } catch (cause) {
      this.#provider = null;
      if (isTallystickError(cause)) throw cause;
      throw new TallystickError("provider_unreachable", "The identity provider does not answer as one.", { cause });
    }
  }

  async #discover() {
    const { issuer, clientId, clientSecret } = this.#settings;
    const library = await import("openid-client");
    const url = new URL(issuer);
    const configuration = await library.discovery(
      url,
      clientId,
      (await clientSecret?.()) ?? undefined,
      clientSecret === null ? library.None() : undefined,
      // The configuration lets http through for loopback only.
      { timeout: OIDC_TIMEOUT_S, execute: url.protocol === "http:" ? [library.allowInsecureRequests] : [] },
    );
    return { library, configuration };
  }
}

function refused(message: string, cause?: unknown): TallystickError {
  return new TallystickError("unauthenticated", message, { hint: "Begin the login again.", cause });
}
