/**
 * Writes the pages that are derived from the source: docs/reference/configuration.md, docs/errors, docs/access.md and
 * docs/controls.md.
 * Tests compare them.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessPage } from "../packages/server/src/cli/access-page.ts";
import { controlsPage } from "../packages/server/src/cli/controls-page.ts";
import { describedApi } from "../packages/server/src/api/described-api.contract.ts";
import { errorPages } from "../packages/server/src/api/error-pages.ts";
import { COMMAND_ACCESS } from "../packages/server/src/cli/command-access.ts";
import { configurationReference } from "../packages/server/src/config/reference.ts";
import { ROOT } from "./run-step.ts";

const errors = join(ROOT, "docs/errors");
mkdirSync(errors, { recursive: true });
mkdirSync(join(ROOT, "docs/reference"), { recursive: true });
const pages = errorPages();
for (const name of readdirSync(errors)) if (!pages.has(name)) rmSync(join(errors, name));
for (const [name, text] of pages) writeFileSync(join(errors, name), text);
writeFileSync(join(ROOT, "docs/reference/configuration.md"), configurationReference());
writeFileSync(join(ROOT, "docs/access.md"), accessPage(await describedApi(), COMMAND_ACCESS));
writeFileSync(join(ROOT, "docs/controls.md"), controlsPage());
