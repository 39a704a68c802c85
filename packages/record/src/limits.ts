/** Every bound of a record, with its unit in its name. Formats: docs/formats/record.md. */
export const LIMITS = {
  /** A record's canonical bytes. */
  canonicalRecordBytes: 61_440,
  /** The canonical bytes of what the server observed. */
  observedBytes: 4_000,
  /** A leaf: what a C2SP tlog-tiles entry bundle can hold (a 16-bit length). */
  leafBytes: 65_535,
  attributeCount: 256,
  attributeNameBytes: 256,
  /** Records of one request, and of one signed batch. */
  batchRecords: 10_000,
  /** Elements of an array field. */
  nameCount: 64,
  /** Nesting of arrays and objects inside an attribute's value. */
  attributeDepth: 32,
  /** Nesting of a value given to `canonicalOf`; a circular one ends here. */
  canonicalDepth: 512,
  /** Rounds in which redaction must come to rest. */
  redactionRounds: 4,
  /** Classified attribute names that are remembered. */
  rememberedNameCount: 4_096,
  /** Characters of an offending value that an error message may quote. */
  quotedCharacters: 48,
} as const;
