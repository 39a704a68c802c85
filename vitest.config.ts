import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const conditions = ["tallystick-source", "node", "import", "default"];

/** What takes longest begins first, lest it end alone. */
const LONGEST = [
  "test/dashboard.test.ts",
  "test/fleet-readme.test.ts",
  "tally/tally.test.ts",
  "test/fleet.test.ts",
  "compile/compile.test.ts",
  "index/follower.test.ts",
  "api/producers-route.test.ts",
  "src/erased-quotes.test.ts",
  "api/erasure-routes.test.ts",
  "api/scoped-reading.test.ts",
  "tally/producer-list.test.ts",
  "src/main.test.ts",
  "tally/producer-follower.test.ts",
  "retain/clean-up.test.ts",
  "search/search.test.ts",
  "cli/command-access.test.ts",
  "tally/graph.test.ts",
  "fsck/tamper.test.ts",
  "detect/pack.test.ts",
  "tally/summaries.test.ts",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

export default defineConfig({
  ssr: { resolve: { conditions } },
  resolve: { conditions },
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/src/**/*.test.tsx", "test/**/*.test.ts"],
    // What hangs is ended; what is only slow, on a slow machine beside others, is waited for.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: "forks",
    // Most of the time goes by in engines and servers of their own: more at a time than the machine has cores.
    maxWorkers: 3,
    // No test changes what others import, so that a process is started and modules are loaded once for many files.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    coverage: { provider: "v8", include: ["packages/*/src/**/*.ts"], exclude: ["**/*.test.ts", "**/*.contract.ts"] },
  },
});
