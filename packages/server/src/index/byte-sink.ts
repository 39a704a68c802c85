import type { JsonCursor } from "./json-cursor.ts";

/** Bytes that grow by doubling; what is not written is zero. */
export class ByteSink {
  bytes: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.alloc(capacity);
  }

  reserve(extra: number): void {
    if (this.length + extra <= this.bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.bytes.length * 2, this.length + extra));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  varuint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest > 127) {
      this.bytes[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  uint64(value: number): void {
    this.reserve(8);
    this.bytes.writeUInt32LE(value % 4_294_967_296, this.length);
    this.bytes.writeUInt32LE(Math.floor(value / 4_294_967_296), this.length + 4);
    this.length += 8;
  }

  raw(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Length, then UTF-8. */
  text(value: string): void {
    const size = Buffer.byteLength(value, "utf8");
    this.varuint(size);
    this.reserve(size);
    this.length += this.bytes.write(value, this.length);
  }

  /** Length, then content, of the string that the cursor read last. */
  string(cursor: JsonCursor): void {
    const size = cursor.to - cursor.from;
    this.reserve(size + 8);
    if (size < 128) this.bytes[this.length++] = size;
    else this.varuint(size);
    cursor.copyTo(this.bytes, this.length);
    this.length += size;
  }
}
