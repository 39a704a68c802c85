/**
 * A program of Debian's: where it is installed, else out of its package, unpacked into .cache/interop. Nothing is
 * installed, so no service is started on this machine. What a program looks for at a fixed place of /usr/share it finds
 * by `seeingItsFiles`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../.cache/interop/debian/", import.meta.url));

/** Null, with a line that says why, where this machine cannot have it. */
export function debianProgram(name: string, path: string): string | null {
  const unpacked = join(CACHE, name);
  const found = [path, join(unpacked, path)].find((place) => existsSync(place));
  if (found !== undefined) return found;
  mkdirSync(unpacked, { recursive: true });
  if (!downloaded(name, unpacked) || !ran("dpkg-deb", ["-x", packageIn(unpacked), unpacked], unpacked)) {
    process.stdout.write(`${name} is not here, and Debian's package cannot be had: apt-get install ${name}\n`);
    return null;
  }
  return join(unpacked, path);
}

/** /usr/share is the package's own, in a namespace of mounts that ends with the command. */
const OWN_SHARE = 'mount --bind "$1" /usr/share && shift && exec "$@"';

/** The command line that runs an unpacked program among its own files; null where this machine allows no mounts. */
export function seeingItsFiles(name: string, program: string): readonly [command: string, ...args: string[]] | null {
  const unpacked = join(CACHE, name);
  if (!program.startsWith(unpacked)) return [program];
  const namespace = ["--mount", "--propagation", "private", "sh", "-c", OWN_SHARE, "sh", join(unpacked, "usr/share")];
  if (ran("unshare", [...namespace, "true"], unpacked)) return ["unshare", ...namespace, program];
  process.stdout.write(
    `${name} looks for its files in /usr/share, and no mounts are allowed here: apt-get install ${name}\n`,
  );
  return null;
}

/** A machine whose lists of packages are empty or old gets new ones, where it may. */
function downloaded(name: string, folder: string): boolean {
  const download = () => ran("apt-get", ["download", "-qq", name], folder);
  return download() || (process.getuid?.() === 0 && ran("apt-get", ["update", "-qq"], folder) && download());
}

const packageIn = (folder: string): string =>
  join(folder, readdirSync(folder).find((entry) => entry.endsWith(".deb")) ?? "");

function ran(command: string, args: readonly string[], cwd: string): boolean {
  return spawnSync(command, args, { cwd, stdio: "ignore" }).status === 0;
}
