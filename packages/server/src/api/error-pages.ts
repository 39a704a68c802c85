import { ERROR_CODES } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { ERROR_TABLE } from "./error-table.ts";

/** docs/errors: one page a code and an index, by file name. */
export function errorPages(): ReadonlyMap<string, string> {
  const pages = ERROR_CODES.map((code) => [`${code}.md`, page(code)] as const);
  return new Map([["README.md", index()], ...pages]);
}

function page(code: ErrorCode): string {
  const { status, title, hint, says } = ERROR_TABLE[code];
  return `# ${code}\n\n**${title}.** HTTP status ${status}.\n\n${says}\n\nWhat to do: ${hint}\n`;
}

function index(): string {
  const rows = ERROR_CODES.map(
    (code) => `| [${code}](${code}.md) | ${ERROR_TABLE[code].status} | ${ERROR_TABLE[code].title} |`,
  );
  return [
    "# Errors",
    "",
    "Every error of the HTTP interface, but an intake's result, is `application/problem+json` (RFC 9457) with `code`, `detail` and `hint`.",
    "Codes never change their meaning. OTLP paths answer a POST in one of OTLP's encodings with `google.rpc.Status` in that encoding instead,",
    "as OTLP/HTTP demands; another method or content type gets a problem there too. The command line prints",
    "the same codes. These pages are generated from the table that the server itself uses.",
    "",
    "| code | status | meaning |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
