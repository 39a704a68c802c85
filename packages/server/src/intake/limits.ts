/** Bounds of intake beside those a request carries in its settings (bytes after decompression, records). */

/** Depth of one value inside an OTLP attribute or log body. */
export const MAX_OTLP_VALUE_DEPTH = 32;
/**
 * Values, events and links of one span, log record or resource, those inside lists and maps included. SDKs stop at
 * 128 each.
 */
export const MAX_OTLP_VALUES_PER_ITEM = 16_384;
/** Resources and scopes of one request. */
export const MAX_OTLP_GROUPS = 100_000;
/** Attributes of one record that are looked at; a record holds fewer. */
export const MAX_CONSIDERED_ATTRIBUTES = 4_096;
/** Spans of a request, INTERNAL ones included, for each record it may hold. */
export const MAX_OTLP_ITEMS_FACTOR = 10;
/**
 * Tags, or references, of one XML body, and equals signs (XML attributes). The parser takes microseconds for each, so
 * that these bound its seconds.
 */
export const MAX_XML_TAGS = 1_000_000;
export const MAX_XML_ATTRIBUTES = 250_000;
/** Elements within one XML record: the record, a field, a nested unknown element, … */
export const MAX_XML_DEPTH = 16;
/** Nested elements at which the XML reader stops reading at all. */
export const MAX_XML_NESTED_TAGS = 64;
/** Notes one request gets back; what is beyond is counted in a last note. */
export const MAX_NOTES = 1_000;
/** zstd: frames of one body, and blocks of one frame are at most this long when decompressed (RFC 8878 §3.1.1.2). */
export const MAX_ZSTD_FRAMES = 10_000;
export const ZSTD_BLOCK_MAX_BYTES = 128 * 1024;
/** Attributes that `tallystick.left_out` names; the rest is counted. */
export const MAX_NAMED_LEFT_OUT = 16;
/** A log body that is a text is looked into for an audit record up to this length. */
export const MAX_AUDIT_BODY_CHARACTERS = 65_536;
/** Routes whose classes are remembered. */
export const MAX_REMEMBERED_ROUTES = 10_000;
/** Names that a request's claims are counted by. */
export const MAX_CLAIMED_NAMES = 32;
