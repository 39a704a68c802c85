import { useMutation } from "@tanstack/react-query";
import { getJson } from "../client/api.ts";

export type Part = "request" | "response";

/** What a record says of a body that is kept, as `tallystick.request_payload` has it. */
export interface BodyFacts {
  readonly content_type: string;
  readonly kept: "body" | "digest";
  readonly size: number;
  readonly redacted?: number;
  readonly cut_from?: number;
  readonly reason?: string;
}

/** An opened body. Whether it gives the record's commitment was found out here, in the browser. */
export interface OpenedBody extends BodyFacts {
  readonly text?: string;
  readonly salt: string;
  readonly commitment: string;
  readonly isProven: boolean;
}

/** The facts of the body, or null when none is kept, or when somebody wrote something else there. */
export function bodyFacts(attributes: Readonly<Record<string, string>> | undefined, part: Part): BodyFacts | null {
  try {
    const facts = JSON.parse(attributes?.[`tallystick.${part}_payload`] ?? "null") as BodyFacts | null;
    return typeof facts?.size === "number" && typeof facts.content_type === "string" ? facts : null;
  } catch {
    return null;
  }
}

/** Opens the body for a reason; asked by a person, never by the page itself, since every time is a record. */
export function useBody(record: string, part: Part, commitment: string) {
  return useMutation({
    mutationFn: async (reason: string): Promise<OpenedBody> => {
      const path = `/api/records/${record}/payload`;
      const body = await getJson<OpenedBody>(path, { part, reason }, new AbortController().signal);
      return { ...body, isProven: body.text !== undefined && (await gives(body.salt, body.text, commitment)) };
    },
  });
}

async function gives(salt: string, text: string, commitment: string): Promise<boolean> {
  const body = new TextEncoder().encode(text);
  const salted = new Uint8Array(salt.length / 2 + body.length);
  for (let at = 0; at < salt.length / 2; at++) salted[at] = Number.parseInt(salt.slice(at * 2, at * 2 + 2), 16);
  salted.set(body, salt.length / 2);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", salted));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return commitment === `sha256:${hex}`;
}
