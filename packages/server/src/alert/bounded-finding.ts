import { MAX_RUNBOOK_URL_BYTES } from "../detect/finding.ts";
import type { Finding } from "../detect/finding.ts";
import {
  MAX_FINDING_BYTES,
  MAX_FINDING_RECORDS,
  MAX_FINDING_TAGS,
  MAX_FINDING_TEXT_BYTES,
  MAX_FINDING_TITLE_BYTES,
  MAX_LABEL_NAME_BYTES,
  MAX_LABEL_VALUE_BYTES,
  MAX_LABELS,
  SHORT_RECORDS,
  SHORT_TEXT_BYTES,
} from "./limits.ts";

/** A finding of a size that always fits a record; what is too long is cut and ends in `…`. */
export function boundedFinding(finding: Finding): Finding {
  const bounded = within(finding, MAX_FINDING_TEXT_BYTES, MAX_FINDING_RECORDS);
  // It stands in its record as text within text, where each quote is four bytes.
  const sizeBytes = Buffer.byteLength(JSON.stringify(JSON.stringify(bounded)));
  return sizeBytes <= MAX_FINDING_BYTES ? bounded : within(bounded, SHORT_TEXT_BYTES, SHORT_RECORDS);
}

function within(finding: Finding, textBytes: number, records: number): Finding {
  const text = (value: string) => cut(value, textBytes);
  const labels = Object.entries(finding.labels)
    .filter(([, value]) => value !== "")
    .slice(0, MAX_LABELS)
    .map(([name, value]) => [cut(name, MAX_LABEL_NAME_BYTES), cut(value, MAX_LABEL_VALUE_BYTES)] as const);
  return {
    ...finding,
    title: cut(finding.title, MAX_FINDING_TITLE_BYTES),
    tags: finding.tags.slice(0, MAX_FINDING_TAGS).map((tag) => cut(tag, MAX_LABEL_NAME_BYTES)),
    labels: Object.fromEntries(labels),
    summary: text(finding.summary),
    expected: text(finding.expected),
    seen: text(finding.seen),
    check: text(finding.check),
    silence: text(finding.silence),
    ...(finding.runbookUrl === undefined ? {} : { runbookUrl: cut(finding.runbookUrl, MAX_RUNBOOK_URL_BYTES) }),
    records: finding.records.slice(0, records).map(({ tree, leafIndex, callId }) => ({
      tree: cut(tree, MAX_LABEL_VALUE_BYTES),
      leafIndex,
      callId: cut(callId, MAX_LABEL_VALUE_BYTES),
    })),
  };
}

const CONTROL = /\p{Cc}/gu;

/** UTF-8 bytes; control characters, which no reader of an alert wants, become spaces. */
function cut(value: string, bytes: number): string {
  // By way of bytes, half a character becomes U+FFFD, which JSON may hold.
  const encoded = Buffer.from(value.replaceAll(CONTROL, " "), "utf8");
  if (encoded.length <= bytes) return encoded.toString("utf8");
  let kept = encoded.subarray(0, bytes - 3).toString("utf8");
  while (kept.endsWith("\ufffd")) kept = kept.slice(0, -1);
  return `${kept}…`;
}
