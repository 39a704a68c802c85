/**
 * A body as its policy lets it be kept. What cannot be looked into (bytes that are no text, JSON that is none though it
 * should be) is kept as a digest only, since nobody could say what was in it.
 */
import { isUtf8 } from "node:buffer";

import { isSecretName, redactText } from "@tallystick/record";

import type { BodyPolicy } from "./body-policy.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import { placesIn, withPlaces } from "./json-places.ts";
import type { BodyFacts } from "./payload-meta.ts";

export interface SentBody {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

export interface KeptBody {
  /** What the commitment covers; the whole body when only a digest is kept. */
  readonly bytes: Uint8Array;
  readonly facts: BodyFacts;
}

const FIELD_TAKEN = "[redacted:field]";
const SECRET_TAKEN = "[redacted:secret]";
const EMAIL_TAKEN = "[redacted:email]";
const EMAIL = /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/g;
const ATOM = /\[redacted:[a-z0-9-]+\]/g;

export function keepBody(
  { bytes, contentType }: SentBody,
  policy: BodyPolicy,
  moreNames: ReadonlySet<string>,
): KeptBody {
  const size = bytes.length;
  if (policy.keep !== "body") return { bytes, facts: { content_type: contentType, kept: "digest", size } };
  const text = textOf(bytes);
  const redacted = text === null ? null : redactedText(text, contentType, policy, moreNames);
  if (text === null || redacted === null) {
    const reason = text === null ? "binary" : "unreadable";
    return { bytes, facts: { content_type: contentType, kept: "digest", reason, size } };
  }
  const whole = redacted === text ? bytes : Buffer.from(redacted, "utf8");
  const kept = cut(whole, Math.min(policy.maxBytes, MAX_BODY_BYTES));
  const count = countOf(redacted) - countOf(text);
  const facts: BodyFacts = {
    content_type: contentType,
    kept: "body",
    size: kept.length,
    ...(kept.length < whole.length ? { cut_from: whole.length } : {}),
    ...(redacted === text ? {} : { redacted: Math.max(1, count) }),
  };
  return { bytes: kept, facts };
}

/** Null for what is no text: not UTF-8, or with zeros in it. */
function textOf(bytes: Uint8Array): string | null {
  if (!isUtf8(bytes) || bytes.includes(0)) return null;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** Null when the policy names places in a form that the body does not have. */
function redactedText(
  text: string,
  contentType: string,
  policy: BodyPolicy,
  moreNames: ReadonlySet<string>,
): string | null {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  const content = (value: string): string => (policy.patterns ? redactContent(value) : value);
  const secret = (name: string): string | null =>
    policy.patterns && isSecretName(name, moreNames) ? SECRET_TAKEN : null;
  const field = (name: string): string | null =>
    policy.formFields.has(name.toLowerCase()) ? FIELD_TAKEN : secret(name);
  if (type === "application/x-www-form-urlencoded") return redactForm(text, field, content);
  if (type === "multipart/form-data") return redactMultipart(text, contentType, field, content);
  const isJson = /^(application|text)\/(json|[\w.-]+\+json)$/.test(type);
  if (isJson || /^\s*[[{]/.test(text)) {
    const places = placesIn(text, { paths: policy.jsonPaths, named: secret, content });
    if (places !== null) return withPlaces(text, places);
    if (isJson && (policy.jsonPaths.length > 0 || policy.patterns) && text.trim() !== "") return null;
  }
  return content(text);
}

function redactContent(text: string): string {
  const redacted = redactText(text);
  return redacted.includes("@") ? redacted.replace(EMAIL, EMAIL_TAKEN) : redacted;
}

function redactForm(text: string, named: (name: string) => string | null, content: (value: string) => string): string {
  return text
    .split("&")
    .map((pair) => {
      const [name = "", ...rest] = pair.split("=");
      if (rest.length === 0) return pair;
      const taken = named(decoded(name));
      const value = decoded(rest.join("="));
      const result = taken ?? content(value);
      return result === value ? pair : `${name}=${taken ?? encodeURIComponent(result)}`;
    })
    .join("&");
}

function decoded(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** Null when the content type names no boundary. */
function redactMultipart(
  text: string,
  contentType: string,
  named: (name: string) => string | null,
  content: (value: string) => string,
): string | null {
  const boundary = /;\s*boundary="?([^";\s]{1,70})"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return null;
  return text
    .split(`--${boundary}`)
    .map((part) => {
      const end = /\r?\n\r?\n/.exec(part);
      if (end === null) return part;
      const head = part.slice(0, end.index + end[0].length);
      const name = /^content-disposition:.*?;\s*name="([^"\r\n]*)"/im.exec(head)?.[1];
      const taken = name === undefined ? null : named(name);
      return head + (taken === null ? content(part.slice(head.length)) : `${taken}\r\n`);
    })
    .join(`--${boundary}`);
}

/** At most so many bytes, never in the middle of a character. */
function cut(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length <= maxBytes) return bytes;
  let end = maxBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

function countOf(text: string): number {
  return text.match(ATOM)?.length ?? 0;
}
