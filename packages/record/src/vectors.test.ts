import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { normalised, type NormalisedOutcome } from "./record.contract.ts";
import { redact } from "./redact.ts";
import type { RedactionMode } from "./redact.ts";

function read(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../docs/formats/vectors/record/${name}.json`, import.meta.url), "utf8"),
  );
}

interface NormaliseVectors {
  readonly redaction_key: string;
  readonly principal: string;
  readonly new_id: string;
  readonly records: readonly {
    readonly name: string;
    readonly service: string;
    readonly input: string;
    readonly outcome: NormalisedOutcome;
  }[];
}

describe("published vectors: normalise.json", () => {
  const vectors = read("normalise") as NormaliseVectors;
  const key = Buffer.from(vectors.redaction_key, "hex");

  it.each(vectors.records)("$name", ({ service, input, outcome }) => {
    const actual = normalised(JSON.parse(input), {
      service,
      principal: vectors.principal,
      nowUs: 0,
      newId: () => vectors.new_id,
      fingerprint: (value) => `fp:${createHmac("sha256", key).update(value).digest("hex").slice(0, 32)}`,
      redactNames: new Set(),
    });
    expect(actual).toEqual(outcome);
  });
});

describe("published vectors: redaction.json", () => {
  const vectors = read("redaction") as readonly {
    readonly mode: RedactionMode;
    readonly system?: string;
    readonly parts: readonly string[];
    readonly redacted: string;
  }[];

  it.each(vectors)("$mode: $redacted", ({ mode, system, parts, redacted }) => {
    expect(redact(parts.join(""), mode, system)).toBe(redacted);
  });
});
