/** The browser in which tests, benches and the screenshots look at the dashboard. */
import { chromium, type Browser } from "playwright-core";
import { CHROMIUM, placeOf } from "./ensure-programs.ts";

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: placeOf(CHROMIUM) ?? "chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
}
