import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensurePrograms } from "./ensure-programs.ts";
import { ROOT, runStep } from "./run-step.ts";

const MODULE = join(ROOT, "node_modules/pkcs11js");
const BINDING = join(MODULE, "build/Release/pkcs11.node");
const HEADERS = fileURLToPath(new URL("include", import.meta.resolve("node-api-headers")));
const DEFINES = ["NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_GYP_MODULE_NAME=pkcs11", "BUILDING_NODE_EXTENSION"];
const SOURCES = ["dl.cpp", "common.cpp", "main.cpp"];

/**
 * pkcs11js is optional and compiled where it is installed; where compilers were missing, npm left it out. Its own way
 * wants Node's headers, which are downloaded from elsewhere than the registry; it uses Node-API alone, whose headers
 * are a package.
 */
export function ensureHsmModule(): void {
  if (existsSync(BINDING)) return;
  ensurePrograms({ name: "g++", places: ["/usr/bin/g++"], needs: "pkcs11js, for the tests of keys in an HSM," });
  if (!existsSync(MODULE))
    runStep("install pkcs11js", "npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]);
  mkdirSync(dirname(BINDING), { recursive: true });
  runStep("compile pkcs11js", "g++", [
    "-O2",
    "-std=c++17",
    "-fPIC",
    "-shared",
    "-o",
    BINDING,
    ...DEFINES.map((define) => `-D${define}`),
    ...[join(MODULE, "includes"), HEADERS].map((folder) => `-I${folder}`),
    ...SOURCES.map((source) => join(MODULE, "src", source)),
  ]);
}
