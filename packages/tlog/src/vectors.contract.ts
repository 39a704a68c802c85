import { readFileSync } from "node:fs";

/** A file of docs/formats/vectors/tlog, typed by its reader. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the reader says what the file holds
export function vectors<Shape>(name: string): Shape {
  const url = new URL(`../../../docs/formats/vectors/tlog/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as Shape;
}
