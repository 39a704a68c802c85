/**
 * Writes the pages that are derived from the source: docs/reference/configuration.md and docs/errors. Tests compare
 * them.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorPages } from "../packages/server/src/api/error-pages.ts";
import { configurationReference } from "../packages/server/src/config/reference.ts";
import { ROOT } from "./run-step.ts";

const errors = join(ROOT, "docs/errors");
mkdirSync(errors, { recursive: true });
mkdirSync(join(ROOT, "docs/reference"), { recursive: true });
const pages = errorPages();
for (const name of readdirSync(errors)) if (!pages.has(name)) rmSync(join(errors, name));
for (const [name, text] of pages) writeFileSync(join(errors, name), text);
writeFileSync(join(ROOT, "docs/reference/configuration.md"), configurationReference());
