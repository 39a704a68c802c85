const CANDIDATE = /[:[,]\s*-?\d{16}/;
const NUMBER = /-?\d[\d.eE+-]*/g;
const LONG_INTEGER = /^-?\d{16,}$/;

/**
 * JSON text with each integer of 16 digits and more put in quotes, so that JSON.parse cannot round it (a nanosecond
 * time is beyond 2^53). Text that holds none comes back as it is. Text that is not JSON comes back as something that
 * is not JSON.
 */
export function quoteLongIntegers(text: string): string {
  if (!CANDIDATE.test(text)) return text;
  const parts: string[] = [];
  let position = 0;
  for (;;) {
    const open = text.indexOf('"', position);
    const outside = open === -1 ? text.slice(position) : text.slice(position, open);
    parts.push(outside.length < 16 ? outside : outside.replace(NUMBER, quoteIfLong));
    if (open === -1) break;
    const close = endOfString(text, open);
    parts.push(text.slice(open, close));
    position = close;
  }
  return parts.join("");
}

const quoteIfLong = (token: string): string => (LONG_INTEGER.test(token) ? `"${token}"` : token);

/** Position behind the closing quote, or the text's end. */
function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close !== -1) {
    let escapes = 0;
    while (text.charCodeAt(close - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return close + 1;
    close = text.indexOf('"', close + 1);
  }
  return text.length;
}
