/**
 * Payment card numbers: 13 to 19 digits, alone or in groups joined by single spaces or dashes, that satisfy Luhn's
 * formula and begin as the card networks' numbers do. Digits that touch a letter, and digits of a UUID, are an
 * identifier's and are left alone: one random 16-digit number in ten satisfies Luhn, and a log without its identifiers
 * is of no use.
 */
const REGION = /(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9])*(?![0-9A-Za-z])/g;
const GROUP = /[0-9]+/g;
const SEPARATORS = /[ -]/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const CARD = "[redacted:card]";

/**
 * Visa 4; Mastercard 51–55 and 2221–2720; Amex, Diners and JCB 3…; Maestro 5 and 6; Discover and UnionPay 6; Mir
 * 2200–2204.
 */
const NETWORK = /^(?:[456]|3[045-9]|22(?:0[0-4]|2[1-9]|[3-9])|2[3-6]|27(?:[01]|20))/;
const MIN_DIGITS = 13;
const MAX_DIGITS = 19;

export function redactCards(text: string): string {
  const identifiers = spansOf(UUID, text);
  return text.replace(REGION, (region: string, at: number) =>
    region.length < MIN_DIGITS || overlaps(identifiers, at, at + region.length) ? region : redactRegion(region),
  );
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Groups may stand beside a card that are not part of it (an expiry, a code), so every run of whole groups is tried.
 */
function redactRegion(region: string): string {
  const groups = spansOf(GROUP, region);
  let text = "";
  let kept = 0;
  for (let first = 0; first < groups.length; first++) {
    const end = cardEnd(region, groups, first);
    if (end === -1) continue;
    text += region.slice(kept, groups[first]!.from) + CARD;
    kept = groups[end]!.to;
    first = end;
  }
  return text + region.slice(kept);
}

/** The last group of a card that begins with the group `first`, or -1. */
function cardEnd(region: string, groups: readonly Span[], first: number): number {
  const from = groups[first]!.from;
  // At most every second character of the longest card is a separator.
  const digits = region.slice(from, from + MAX_DIGITS * 2).replace(SEPARATORS, "");
  if (!NETWORK.test(digits)) return -1;
  let found = -1;
  let count = 0;
  for (let last = first; last < groups.length; last++) {
    count += groups[last]!.to - groups[last]!.from;
    if (count > MAX_DIGITS) break;
    if (count >= MIN_DIGITS && satisfiesLuhn(digits, count)) found = last;
  }
  return found;
}

function satisfiesLuhn(digits: string, count: number): boolean {
  let sum = 0;
  for (let index = count - 1, double = false; index >= 0; index--, double = !double) {
    const digit = digits.charCodeAt(index) - 48;
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
}

function spansOf(pattern: RegExp, text: string): readonly Span[] {
  return Array.from(text.matchAll(pattern), (match) => ({ from: match.index, to: match.index + match[0].length }));
}

function overlaps(spans: readonly Span[], from: number, to: number): boolean {
  return spans.some((span) => span.from < to && from < span.to);
}
