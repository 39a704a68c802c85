/** A SoftHSM2 token of its own for one test file; the Debian package softhsm2 is installed by the test script. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { learnSecret } from "../secret-watch.contract.ts";

const MODULES = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];

export interface SoftHsm {
  readonly module: string;
  readonly token: string;
  readonly pin: string;
  readonly pinFile: string;
  /** The environment that names the token's folder; already in this process's. */
  readonly conf: string;
  /** Takes the token's files away, as a cable would. */
  unplug(): void;
  plug(): void;
  /** Deletes a key by CKA_ID (hex). */
  destroy(id: string): void;
  remove(): void;
}

export function softHsm(pin = "test-pin-7391"): SoftHsm {
  learnSecret(pin);
  const module = MODULES.find((path) => existsSync(path));
  if (module === undefined) throw new Error("SoftHSM2 is not installed: apt-get install softhsm2 opensc");
  const folder = mkdtempSync(join(tmpdir(), "tallystick-hsm-"));
  const tokens = join(folder, "tokens");
  mkdirSync(tokens, { mode: 0o700 });
  const conf = join(folder, "softhsm2.conf");
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const pinFile = join(folder, "pin");
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  process.env["SOFTHSM2_CONF"] = conf;
  const token = "tallystick-test";
  const run = (program: string, words: readonly string[]) =>
    void execFileSync(program, words, { env: { ...process.env, SOFTHSM2_CONF: conf }, stdio: "pipe" });
  run("softhsm2-util", ["--init-token", "--free", "--label", token, "--pin", pin, "--so-pin", `so-${pin}`]);
  const away = join(folder, "away");
  return {
    module,
    token,
    pin,
    pinFile,
    conf,
    unplug: () => renameSync(tokens, away),
    plug: () => renameSync(away, tokens),
    destroy: (id) =>
      run("pkcs11-tool", [
        "--module",
        module,
        "--token-label",
        token,
        "--login",
        "--pin",
        pin,
        "--delete-object",
        "--type",
        "secrkey",
        "--id",
        id,
      ]),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
