#!/usr/bin/env -S node --single-threaded-gc --no-incremental-marking --max-semi-space-size=32 --expose-gc
// Garbage collection on the thread that made it: with two busy workers, V8's helper threads cost more CPU than they save.
// And at once: record bytes pass through buffers outside a small heap, and V8 would answer each of them with a step of
// marking, which costs several times what marking the whole heap does. When to collect is decided where those buffers
// are given up (src/compute/memory.ts).
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const built = new URL("../dist/main.js", import.meta.url);
if (!existsSync(fileURLToPath(built))) {
  process.stderr.write("tallystick: not built yet. Run `npm run build` in the project's root first.\n");
  process.exit(2);
}
await import(built.href);
