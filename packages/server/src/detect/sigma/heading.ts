/** What a rule says about itself. */
import type { Value } from "./document.ts";
import { LEVELS } from "../finding.ts";
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
    place: root.place,
  };
}

function readLevel(root: Value, text: string | null): Level {
  if (text === null) return "medium";
  const level = LEVELS.find((known) => known === text.toLowerCase());
  if (level === undefined) throw root.get("level")!.fault(`level must be one of ${LEVELS.join(", ")}`);
  return level;
}
