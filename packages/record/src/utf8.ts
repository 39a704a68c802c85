/**
 * UTF-8 on Node and in browsers. Node's own writers are used where they exist (several times faster for short texts);
 * the portable way is TextEncoder, and a test holds the two to the same bytes.
 */
interface NativeBuffer {
  byteLength(text: string): number;
  readonly prototype: {
    latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
    utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
  };
}

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const native = nativeBuffer();

const NOT_ASCII = /[^\0-\x7f]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}

/** False for a text with half a surrogate pair, which has no UTF-8. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

export function utf8Length(text: string): number {
  return native === null ? encoder.encode(text).length : native.byteLength(text);
}

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Throws a TypeError on bytes that are not UTF-8; a byte order mark is kept. */
export function decodeUtf8(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes);
}

/** Writes a well-formed text and returns how many bytes it took. Throws a RangeError when it does not fit. */
export function writeUtf8(text: string, target: Uint8Array, offset: number): number {
  return native === null ? writePortably(text, target, offset) : writeNatively(native, text, target, offset);
}

function writeNatively(buffer: NativeBuffer, text: string, target: Uint8Array, offset: number): number {
  const room = target.length - offset;
  if (!NOT_ASCII.test(text)) {
    if (text.length > room) throw tooSmall(text.length, room);
    return buffer.prototype.latin1Write.call(target, text, offset, text.length);
  }
  // Three bytes hold any UTF-16 unit, so that only a tight buffer needs to be measured first.
  if (text.length * 3 > room) {
    const length = buffer.byteLength(text);
    if (length > room) throw tooSmall(length, room);
  }
  return buffer.prototype.utf8Write.call(target, text, offset, room);
}

/** Exported for the test that compares both ways. */
export function writePortably(text: string, target: Uint8Array, offset: number): number {
  const { read, written } = encoder.encodeInto(text, target.subarray(offset));
  if (read < text.length) throw tooSmall(encoder.encode(text).length, target.length - offset);
  return written;
}

function tooSmall(needed: number, room: number): RangeError {
  return new RangeError(`the text takes ${needed} bytes and the target has room for ${room}`);
}

function nativeBuffer(): NativeBuffer | null {
  const candidate = (globalThis as { Buffer?: Partial<NativeBuffer> }).Buffer;
  const complete =
    typeof candidate?.byteLength === "function" &&
    typeof candidate.prototype?.latin1Write === "function" &&
    typeof candidate.prototype.utf8Write === "function";
  return complete ? (candidate as NativeBuffer) : null;
}
