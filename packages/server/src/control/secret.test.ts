import fc from "fast-check";
import { expect, it } from "vitest";

import { ADMIN_PREFIX, isWellFormedSecret, KEY_PREFIX, makeSecret } from "./secret.ts";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

it("every secret is well formed: prefix, 43 characters of randomness, 6 of checksum", () => {
  fc.assert(
    fc.property(bytes32, fc.constantFrom(ADMIN_PREFIX, KEY_PREFIX), (random, prefix) => {
      const secret = makeSecret(prefix, () => random);
      expect(secret).toMatch(/^ts[ak]_[A-Za-z0-9_-]{49}$/);
      expect(isWellFormedSecret(secret)).toBe(true);
    }),
  );
});

it("one wrong character is noticed", () => {
  fc.assert(
    fc.property(bytes32, fc.nat({ max: 48 }), (random, at) => {
      const secret = makeSecret(KEY_PREFIX, () => random);
      const place = at + KEY_PREFIX.length;
      const other = secret[place] === "A" ? "B" : "A";
      expect(isWellFormedSecret(secret.slice(0, place) + other + secret.slice(place + 1))).toBe(false);
    }),
  );
});
