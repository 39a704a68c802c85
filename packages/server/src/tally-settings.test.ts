import { expect, it } from "vitest";

import { readConfig } from "./config/config.ts";
import { configuredUs } from "./tally-settings.ts";

const detectorsOf = (text: string) =>
  readConfig({ file: { name: "tallystick.yaml", text }, environment: {}, options: [] }).config.detectors;

it("a window of no length is a duration like others", () => {
  expect(configuredUs(detectorsOf("detectors: {deploy_window: 0s}\n").deploy_window)).toBe(0);
  expect(configuredUs(detectorsOf("").deploy_window)).toBe(8 * 3_600_000_000);
  expect(() => detectorsOf("detectors: {deploy_window: 0}\n")).toThrow(/or 0s/);
});
