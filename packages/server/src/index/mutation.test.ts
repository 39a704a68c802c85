import { expect, test } from "vitest";
import { mutate } from "./mutation.ts";

function session(answers: { open: number; parts: number; fault: string }[], commands: string[] = []) {
  return {
    commands,
    command: (sql: string) => {
      commands.push(sql);
      return sql.startsWith("SYSTEM") ? Promise.reject(new Error("not allowed")) : Promise.resolve();
    },
    rows: <Row>(sql: string) =>
      Promise.resolve((sql.includes("sleep") ? [] : [answers.shift()]) as unknown as readonly Row[]),
  };
}

test("a deletion is over when it returns, and the engine is told to look until then, where it lets us", async () => {
  const asked = session([
    { open: 1, parts: 3, fault: "" },
    { open: 1, parts: 3, fault: "" },
    { open: 0, parts: 0, fault: "" },
  ]);
  await mutate(asked, "default", "records", "DELETE WHERE leaf_index = 1");
  const look = "SYSTEM START MERGES records";
  expect(asked.commands).toEqual([
    "ALTER TABLE records DELETE WHERE leaf_index = 1 SETTINGS mutations_sync = 0",
    look,
    look,
  ]);
});

test("one that fails says why", async () => {
  const asked = session([{ open: 1, parts: 1, fault: "no space left" }]);
  await expect(mutate(asked, "default", "records", "DELETE WHERE 1")).rejects.toMatchObject({
    code: "index_unavailable",
    message: "a deletion from records is not done: no space left",
  });
});
