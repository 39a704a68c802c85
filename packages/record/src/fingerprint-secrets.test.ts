import { describe, expect, test } from "vitest";

import { fingerprintSecrets } from "./fingerprint-secrets.ts";

const KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
const AWS = "AKIAIOSFODNN7EXAMPLE";
const stand = (secret: string) => `fp:${secret.slice(0, 3)}${secret.length}`;

describe("secrets in what people typed", () => {
  test.each([
    ["service_id:payments AND status:error", "service_id:payments AND status:error"],
    [KEY, stand(KEY)],
    [`credential_id:${KEY} OR "${KEY}"`, `credential_id:${stand(KEY)} OR "${stand(KEY)}"`],
    [`(${KEY}, ${AWS})`, `(${stand(KEY)}, ${stand(AWS)})`],
    ["credential_id:fp:0123456789abcdef0123456789abcdef", "credential_id:fp:0123456789abcdef0123456789abcdef"],
  ])("%j is kept as %j", (text, kept) => {
    expect(fingerprintSecrets(text, stand)).toBe(kept);
  });

  test("that stand in no word of their own are redacted", () => {
    for (const text of ["Bearer abcdefghijklmnop", "/login?password=hunter2hunter2", "postgres://u:hunter2pw@db/x"]) {
      const kept = fingerprintSecrets(text, stand);
      expect(kept).toContain("[redacted");
      expect(kept).not.toMatch(/hunter2|abcdefghijklmnop/);
    }
  });
});
