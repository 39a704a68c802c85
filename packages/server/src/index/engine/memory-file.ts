/**
 * Insert bodies for the engine, which reads a Native block only from a file: a file in memory (/dev/shm), without a
 * name from the first moment and so gone with the process, whatever ends it. Where there is no /dev/shm, a file of
 * the temporary folder.
 */
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, openSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface MemoryFile {
  /** A path that opens the file while it is not closed. */
  readonly path: string;
  append(bytes: Uint8Array): void;
  close(): void;
}

const SHARED_MEMORY = "/dev/shm";
const OWN_DESCRIPTORS = "/proc/self/fd";

export function memoryFile(): MemoryFile {
  const folder = existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir();
  const name = join(folder, `tallystick-${randomUUID()}`);
  const descriptor = openSync(name, "wx+", 0o600);
  const nameless = existsSync(OWN_DESCRIPTORS);
  if (nameless) unlinkSync(name);
  return {
    path: nameless ? `${OWN_DESCRIPTORS}/${descriptor}` : name,
    append(bytes) {
      for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    },
    close() {
      closeSync(descriptor);
      if (!nameless) unlinkSync(name);
    },
  };
}
