import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const COMMANDS: readonly (readonly string[])[] = [
  ["apt-get", "update", "-qq"],
  ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
];

/** The browser the tests drive; installs Debian's when this is root on Debian, else says what to type and ends with 1. */
export function ensureChromium(): string {
  const found = PLACES.find((place) => existsSync(place));
  if (found !== undefined) return found;
  const debian = existsSync("/usr/bin/apt-get");
  if (process.getuid?.() !== 0 || !debian) {
    process.stderr.write(
      "The browser test needs Chromium. Install it and run the tests again:\n" +
        (debian ? "  sudo apt-get update && sudo apt-get install -y chromium\n" : "  (your system's package `chromium`)\n"),
    );
    process.exit(1);
  }
  process.stdout.write("▸ install chromium (Debian's package)\n");
  for (const [command, ...args] of COMMANDS) {
    const done = spawnSync(command ?? "", args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    if (done.status !== 0) process.exit(done.status ?? 1);
  }
  const installed = PLACES.find((place) => existsSync(place));
  if (installed === undefined) throw new Error("chromium was installed but is in none of the known places");
  return installed;
}
