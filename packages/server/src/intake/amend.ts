/**
 * What intake adds to a record beside what its producer said: classes by rule, header values taken out, and for each
 * body that it brings a place for the commitment, which is known once the body is stored.
 */
import { createHash } from "node:crypto";

import type { Amendment, RecordDraft, SentBodies } from "@tallystick/record";

import type { NewBody } from "../payload/body-tasks.ts";
import { BodyPolicies } from "../payload/body-policy.ts";
import type { BodyPolicy, PayloadSettings } from "../payload/body-policy.ts";
import type { MatchedFields } from "../payload/glob.ts";
import { MAX_CONTENT_TYPE_CHARACTERS } from "../payload/limits.ts";
import { PARTS } from "../payload/payload-meta.ts";
import type { Part } from "../payload/payload-meta.ts";
import { keepBody } from "../payload/redact-body.ts";
import type { SentBody } from "../payload/redact-body.ts";
import { Classifier } from "./classify.ts";
import type { ClassifyRule } from "./classify.ts";

export interface AmendSettings {
  readonly payloads: PayloadSettings;
  readonly classify: readonly ClassifyRule[];
}

/** A body of the record that is being taken; who sent which record is added when that is known. */
export type TakenBody = Omit<NewBody, "identity">;

interface Compiled {
  readonly text: string;
  readonly classifier: Classifier;
  readonly policies: BodyPolicies;
}

/** What stands in the record until the body is stored. */
export const NO_COMMITMENT = `sha256:${"0".repeat(64)}`;
const CLASSIFIED = "tallystick.classified";
const HEADER_TAKEN = "[redacted:header]";
const DIGEST_BYTES = 16;
const FIELDS = {
  request: { body: "request_body", payload: "request_payload", size: "request_size" },
  response: { body: "response_body", payload: "response_payload", size: "response_size" },
} as const;

let compiled: Compiled | null = null;

/** `settings` is JSON, so that a worker compiles the rules once however many requests come. */
function compile(settings: string): Compiled {
  if (compiled?.text === settings) return compiled;
  const { payloads, classify } = JSON.parse(settings) as AmendSettings;
  compiled = { text: settings, classifier: new Classifier(classify), policies: new BodyPolicies(payloads) };
  return compiled;
}

export function amendment(
  settings: string,
  redactNames: ReadonlySet<string>,
  onBody: (body: TakenBody) => void,
): Amendment {
  const { classifier, policies } = compile(settings);
  return {
    isForAll: !classifier.isEmpty || policies.redactsHeaders,
    amend(draft, bodies) {
      const fields = fieldsOf(draft);
      if (!classifier.isEmpty) classify(draft, fields, classifier);
      const dataClass = draft.get("data_class") as string | undefined;
      if (policies.redactsHeaders) redactHeaders(draft, policies.of(null, fields, dataClass));
      for (const part of PARTS) {
        const refusal = takeBody(draft, part, bodies, policies.of(part, fields, dataClass), redactNames, onBody);
        if (refusal !== null) return refusal;
      }
      return null;
    },
  };
}

function fieldsOf(draft: RecordDraft): MatchedFields {
  const text = (name: keyof MatchedFields): string => (draft.get(name) as string | undefined) ?? "";
  return {
    service_id: text("service_id"),
    target_id: text("target_id"),
    operation: text("operation"),
    resource: text("resource"),
  };
}

function classify(draft: RecordDraft, fields: MatchedFields, classifier: Classifier): void {
  const own = {
    dataClass: draft.get("data_class") as string | undefined,
    dataCategories: (draft.get("data_categories") as readonly string[] | undefined) ?? [],
  };
  const { dataClass, dataCategories } = classifier.raise(own, fields);
  const changed: string[] = [];
  if (dataClass !== undefined && dataClass !== own.dataClass) {
    draft.set("data_class", dataClass);
    changed.push("data_class");
  }
  if (dataCategories !== own.dataCategories) {
    draft.set("data_categories", dataCategories);
    changed.push("data_categories");
  }
  // What the producer said and what a rule made of it are told apart.
  if (changed.length > 0) draft.setAttribute(CLASSIFIED, changed.join(","));
}

function redactHeaders(draft: RecordDraft, { headers }: BodyPolicy): void {
  const attributes = draft.get("attributes") as Readonly<Record<string, string>> | undefined;
  for (const name of Object.keys(attributes ?? {})) {
    if (headers.has(name.toLowerCase())) draft.setAttribute(name, HEADER_TAKEN);
  }
}

function takeBody(
  draft: RecordDraft,
  part: Part,
  bodies: SentBodies,
  policy: BodyPolicy,
  redactNames: ReadonlySet<string>,
  onBody: (body: TakenBody) => void,
): { readonly code: "invalid_body"; readonly field: string; readonly message: string } | null {
  const value = bodies[part];
  if (value === undefined) return null;
  const { body, payload, size } = FIELDS[part];
  const sent = sentBody(value, headerOf(draft, part));
  if (typeof sent === "string") return { code: "invalid_body", field: body, message: `${body} ${sent}` };
  if (draft.get(size) === undefined) draft.set(size, sent.bytes.length);
  if (policy.keep === "none") return null;
  const { bytes, facts } = keepBody(sent, policy, redactNames);
  if (draft.get(payload) !== undefined)
    draft.note({
      code: "ignored_value",
      field: payload,
      message: `${payload} is the server's where it keeps the body`,
    });
  draft.set(payload, NO_COMMITMENT);
  draft.setAttribute(`tallystick.${payload}`, JSON.stringify(facts));
  onBody({ part, facts, bytes, content: createHash("sha256").update(bytes).digest().subarray(0, DIGEST_BYTES) });
  return null;
}

function headerOf(draft: RecordDraft, part: Part): string | undefined {
  const attributes = draft.get("attributes") as Readonly<Record<string, string>> | undefined;
  return attributes?.[`http.${part}.header.content-type`];
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** A media type with its parameters, as HTTP has it. */
const CONTENT_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+(?:\s*;[\x20-\x7e]*)?$/;

/** A text, `{"text": …}` or `{"base64": …}`, each with `content_type` when it is known; else what is wrong. */
function sentBody(value: unknown, header: string | undefined): SentBody | string {
  if (typeof value === "string") return textBody(value, header);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return FORM;
  const { text, base64, content_type: given, ...others } = value as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0 || (text === undefined) === (base64 === undefined)) return FORM;
  if (given !== undefined && (typeof given !== "string" || !isContentType(given)))
    return "has a content_type that is no media type, as application/json";
  const contentType = given ?? header;
  if (text !== undefined) return typeof text === "string" ? textBody(text, contentType) : FORM;
  if (typeof base64 !== "string" || !BASE64.test(base64)) return "has a base64 that is none";
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) return "has a base64 that is not in its one canonical spelling";
  return { bytes, contentType: typeOr(contentType, "application/octet-stream") };
}

const FORM = 'must be a text, {"text": …} or {"base64": …}, the latter two with a content_type';

function textBody(text: string, contentType: string | undefined): SentBody | string {
  if (/\p{Surrogate}/u.test(text)) return "has half of a surrogate pair; send well-formed Unicode, or base64";
  return { bytes: Buffer.from(text, "utf8"), contentType: typeOr(contentType, "text/plain") };
}

function typeOr(contentType: string | undefined, otherwise: string): string {
  return contentType !== undefined && isContentType(contentType) ? contentType : otherwise;
}

function isContentType(text: string): boolean {
  return text.length <= MAX_CONTENT_TYPE_CHARACTERS && CONTENT_TYPE.test(text);
}
