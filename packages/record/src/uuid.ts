/** UUIDs as RFC 9562 lays them out; the bytes come from the caller, so nothing here is random. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Version 7: 48 bits of milliseconds since 1970, then 74 of the 80 given random bits. */
export function uuidv7(nowMs: number, random10: Uint8Array): string {
  if (!Number.isSafeInteger(nowMs) || nowMs < 0 || nowMs >= 2 ** 48) throw new RangeError(`not a UUID time: ${nowMs}`);
  if (random10.length !== 10) throw new RangeError(`a UUID of version 7 takes 10 random bytes, not ${random10.length}`);
  const bytes = new Uint8Array(16);
  const high = Math.floor(nowMs / 2 ** 32);
  const low = nowMs % 2 ** 32;
  bytes[0] = high >>> 8;
  bytes[1] = high & 0xff;
  bytes[2] = low >>> 24;
  bytes[3] = (low >>> 16) & 0xff;
  bytes[4] = (low >>> 8) & 0xff;
  bytes[5] = low & 0xff;
  bytes.set(random10, 6);
  return layout(bytes, 7);
}

/** Version 8: 122 of the 128 given bits; the same bytes give the same UUID. */
export function uuidv8(bytes16: Uint8Array): string {
  if (bytes16.length !== 16) throw new RangeError(`a UUID of version 8 takes 16 bytes, not ${bytes16.length}`);
  return layout(bytes16, 8);
}

function layout(bytes: Uint8Array, version: number): string {
  let text = "";
  for (let index = 0; index < 16; index++) {
    let byte = bytes[index]!;
    if (index === 6) byte = (version << 4) | (byte & 0x0f);
    if (index === 8) byte = 0x80 | (byte & 0x3f);
    if (index === 4 || index === 6 || index === 8 || index === 10) text += "-";
    text += HEX[byte]!;
  }
  return text;
}
