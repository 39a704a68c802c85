import type { IntakeResult } from "./intake.ts";

/** The request as a whole cannot be taken. */
export type Refused = Extract<IntakeResult, { readonly kind: "refused" }>;

export const malformed = (message: string): Refused => ({ kind: "refused", code: "malformed_body", message });

export const tooLarge = (maxBytes: number): Refused => ({
  kind: "refused",
  code: "body_too_large",
  message: `the body is larger than ${maxBytes} bytes, before or after decompression; send smaller batches`,
});

export const tooMany = (maxRecords: number): Refused => ({
  kind: "refused",
  code: "too_many_records",
  message: `the body holds more than ${maxRecords} records; send smaller batches`,
});
