import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensurePrograms } from "./ensure-programs.ts";
import type { Program } from "./ensure-programs.ts";
import { ROOT, runStep } from "./run-step.ts";

const BINDING = join(ROOT, "node_modules/pkcs11js/build/Release/pkcs11.node");
const NEEDS = "the npm package pkcs11js, which the tests of keys in an HSM use,";
const COMPILERS: readonly Program[] = [
  { name: "g++", places: ["/usr/bin/g++"], needs: NEEDS },
  { name: "make", places: ["/usr/bin/make"], needs: NEEDS },
  { name: "python3", places: ["/usr/bin/python3"], needs: NEEDS },
];
/** Headers of any version will do: the package uses Node-API, which is the same in all. */
const HEADERS: Program = { name: "libnode-dev", places: ["/usr/include/node/node_api.h"], needs: NEEDS };

/**
 * pkcs11js is optional and compiled where it is installed; where compilers were missing, npm left it out. Node's
 * headers come from beside Node or from Debian, so that nothing is downloaded but packages.
 */
export function ensureHsmModule(): void {
  if (existsSync(BINDING)) return;
  const besideNode = dirname(dirname(process.execPath));
  const hasHeaders = existsSync(join(besideNode, "include/node/node_api.h"));
  ensurePrograms(...COMPILERS, ...(hasHeaders ? [] : [HEADERS]));
  const headers = hasHeaders ? besideNode : "/usr";
  runStep("install pkcs11js", "npm", ["install", "--no-save", "--no-audit", "--no-fund", `--nodedir=${headers}`]);
  if (existsSync(BINDING)) return;
  process.stderr.write(
    "pkcs11js could not be compiled. What its compiler says: npm rebuild --foreground-scripts pkcs11js\n",
  );
  process.exit(1);
}
