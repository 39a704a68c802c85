import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export interface Program {
  /** Debian's package. */
  readonly name: string;
  /** Where it may lie already. */
  readonly places: readonly string[];
  readonly needs: string;
}

export const CHROMIUM: Program = {
  name: "chromium",
  places: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  needs: "the browser test",
};
export const CURL: Program = { name: "curl", places: ["/usr/bin/curl"], needs: "the test of the README's commands" };
export const SOFTHSM: Program = {
  name: "softhsm2",
  places: ["/usr/bin/softhsm2-util"],
  needs: "the tests of keys in an HSM",
};
export const OPENSC: Program = {
  name: "opensc",
  places: ["/usr/bin/pkcs11-tool"],
  needs: "the tests of a key that its HSM lost",
};
export const PYTHON_VENV: Program = {
  name: "python3-venv",
  places: ["/usr/share/doc/python3-venv"],
  needs: "OpenTelemetry's and Prometheus' Python packages",
};

/** Where a program is; null when it is not installed. */
export function placeOf({ places }: Program): string | null {
  return places.find((place) => existsSync(place)) ?? null;
}

/** Installs what is missing when this is root on Debian; else says what to type and ends with 1. */
export function ensurePrograms(...programs: readonly Program[]): void {
  const missing = programs.filter((program) => placeOf(program) === null);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  const debian = existsSync("/usr/bin/apt-get");
  if (process.getuid?.() !== 0 || !debian) {
    for (const { name, needs } of missing) process.stderr.write(`${needs} needs ${name}, which is not installed.\n`);
    const command = debian ? `sudo apt-get update && sudo apt-get install -y ${names.join(" ")}` : names.join(", ");
    process.stderr.write(`Install it and run the tests again:\n  ${command}\n`);
    process.exit(1);
  }
  process.stdout.write(`▸ install ${names.join(", ")} (Debian's packages)\n`);
  apt("update", "-qq");
  apt("install", "-y", "-qq", "--no-install-recommends", ...names);
}

function apt(...args: readonly string[]): void {
  const done = spawnSync("apt-get", args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (done.status !== 0) process.exit(done.status ?? 1);
}
