/** What a rule says about itself. */
import type { Value } from "./document.ts";
import { LEVELS, MAX_RUNBOOK_URL_BYTES } from "../finding.ts";
import type { Level } from "../finding.ts";
import type { Heading } from "./syntax.ts";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MAX_TITLE_LENGTH = 256;

export function readHeading(root: Value): Heading {
  const text = (name: string): string | null => {
    const value = root.get(name);
    return value === null || value.scalar()?.value === null ? null : value.text(name);
  };
  const list = (name: string): readonly string[] => {
    const value = root.get(name);
    if (value === null || value.scalar()?.value === null) return [];
    return value.each().map((one) => one.text(`an entry of ${name}`));
  };
  const title = text("title");
  if (title === null) throw root.fault("there is no title");
  if (title.length > MAX_TITLE_LENGTH)
    throw root.get("title")!.fault(`the title is longer than the ${MAX_TITLE_LENGTH} characters that it may have`);
  const id = text("id");
  if (id !== null && !UUID.test(id)) throw root.get("id")!.fault("the id is no UUID");
  return {
    id: id?.toLowerCase() ?? null,
    name: text("name"),
    title,
    description: text("description") ?? "",
    status: text("status") ?? "",
    level: readLevel(root, text("level")),
    tags: list("tags"),
    falsePositives: list("falsepositives"),
    runbookUrl: readRunbookUrl(root),
    place: root.place,
  };
}

function readRunbookUrl(root: Value): string | null {
  const value = root.get("runbook_url");
  if (value === null || value.scalar()?.value === null) return null;
  const text = value.text("runbook_url");
  if (!/^https?:\/\/[^\s"<>\\\p{Cc}]+$/iu.test(text) || !URL.canParse(text))
    throw value.fault("runbook_url must be an http:// or https:// URL");
  if (Buffer.byteLength(text) > MAX_RUNBOOK_URL_BYTES)
    throw value.fault(`the runbook_url is longer than the ${MAX_RUNBOOK_URL_BYTES} bytes that it may have`);
  return text;
}

function readLevel(root: Value, text: string | null): Level {
  if (text === null) return "medium";
  const level = LEVELS.find((known) => known === text.toLowerCase());
  if (level === undefined) throw root.get("level")!.fault(`level must be one of ${LEVELS.join(", ")}`);
  return level;
}
