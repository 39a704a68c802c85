import { expect, it } from "vitest";

import { counted } from "./terminal.ts";

it("counts one of a thing as one", () => {
  expect([
    counted(1, "tree"),
    counted(0, "tree"),
    counted(1_200, "body", "bodies"),
    counted(1, "leaf", "leaves"),
  ]).toEqual(["1 tree", "0 trees", "1,200 bodies", "1 leaf"]);
});
