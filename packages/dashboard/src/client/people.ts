/** Answers about users, keys, sessions, and who read what. */

export interface GrantedScope {
  readonly logs?: "*" | readonly string[];
  readonly services?: "*" | readonly string[];
  readonly data_classes?: "*" | readonly string[];
}

export interface User {
  readonly name: string;
  readonly role: string;
  readonly scope: GrantedScope;
  readonly has_password: boolean;
  readonly created_at: string;
  readonly disabled_at: string | null;
}

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly service: string | null;
  readonly relay: "*" | readonly string[] | null;
  readonly log: string;
  readonly records_per_second: number | null;
  readonly bytes_per_day: number | null;
  readonly scope: GrantedScope;
  readonly created_at: string;
  readonly revoked_at: string | null;
}

export interface QuotaUse {
  readonly principal: string;
  readonly bytes_today: number;
  /** Requests since the server's start. */
  readonly refused: number;
}

export interface CreatedKey extends Key {
  readonly secret: string;
}

export interface LoginSession {
  readonly id: string;
  readonly name: string;
  readonly method: string;
  readonly address: string;
  readonly created_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
}

export interface AccessLine {
  readonly kind: "read" | "changed" | "other";
  readonly service_id: string;
  readonly credential_id: string;
  readonly auth_subject: string;
  readonly calls: number;
  readonly denied: number;
  readonly first: string;
  readonly last: string;
}

export interface AccessReport {
  readonly lines: readonly AccessLine[];
  readonly more_lines: boolean;
  readonly opened: readonly {
    readonly timestamp: string;
    readonly auth_subject: string;
    readonly client_address: string;
    readonly reason: string;
    readonly payloads: readonly string[];
  }[];
  readonly next: string | null;
}

export const ROLES = ["viewer", "auditor", "investigator", "admin"] as const;

export function scopeText({ logs = "*", services = "*", data_classes: classes = "*" }: GrantedScope): string {
  const part = (name: string, value: "*" | readonly string[]) => (value === "*" ? "" : `${name}: ${value.join(", ")}`);
  const parts = [part("logs", logs), part("services", services), part("classes", classes)].filter(
    (text) => text !== "",
  );
  return parts.length === 0 ? "everything" : parts.join("; ");
}
