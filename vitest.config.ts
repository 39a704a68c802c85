import { defineConfig } from "vitest/config";

const conditions = ["tallystick-source", "node", "import", "default"];

/** Tests that start a fleet of eight services: what they wait for comes late beside anything else. */
const FLEETS = "test/fleet*.test.ts";

export default defineConfig({
  ssr: { resolve: { conditions } },
  resolve: { conditions },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    coverage: { provider: "v8", include: ["packages/*/src/**/*.ts"], exclude: ["**/*.test.ts", "**/*.contract.ts"] },
    projects: [
      {
        extends: true,
        test: {
          name: "tests",
          include: ["packages/*/src/**/*.test.ts", "packages/*/src/**/*.test.tsx", "test/**/*.test.ts"],
          exclude: [FLEETS, "**/node_modules/**"],
          // Most of the time goes by in engines of their own: one more at a time than there would be by default.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "fleets", include: [FLEETS], maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
