import fc from "fast-check";
import { expect, test } from "vitest";
import { HintAutomaton } from "./hint-automaton.ts";
import { HINTS } from "./redact.ts";

const automaton = new HintAutomaton(HINTS);
const expression = new RegExp(HINTS);

/** Pieces of hints, so that texts come close to one and often hold one. */
const piece = fc.oneof(
  fc.constantFrom(
    ..."gh p_ github_ pat_ gl pat- xox b- hooks .slack. k_live _ AIza ya29 . sk- ask- npm hv s. do".split(" "),
  ),
  fc.constantFrom(
    ..."o_v1_ shp at_ AGE- SECRET- KEY- ts k_ AKI A7 ey J ----- BEGIN bEa rer bas ic pass w p pwd".split(" "),
  ),
  fc.constantFrom(..."key \\ ' \" : cred ent auth oriz coo kie tok en sig na ture ? = @ a".split(" "), " ", "\t", "\n"),
  fc.stringMatching(/^[0-9 -]{1,14}$/),
  fc.string({ unit: "binary-ascii", maxLength: 3 }),
);
const nearly = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));

test("the automaton finds what the regular expression finds", () => {
  let hits = 0;
  fc.assert(
    fc.property(nearly, (text) => {
      expect(automaton.matches(text)).toBe(expression.test(text));
      if (expression.test(text)) hits += 1;
    }),
    { numRuns: 5_000 },
  );
  expect(hits).toBeGreaterThan(500);
});

test("a text beyond ASCII is always looked at", () => {
  expect(automaton.matches("Größe")).toBe(true);
  expect(automaton.matches("grosse")).toBe(false);
  expect(automaton.matches("")).toBe(false);
});

test.each(["a+", "(a)", "a|(?:b", "[a", "\\w", "^a", "a{2,}"])("%s is not understood", (source) => {
  expect(() => new HintAutomaton(source)).toThrow(SyntaxError);
});
