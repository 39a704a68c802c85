#!/usr/bin/env node
import { runCommand } from "./command.ts";
import { nodePlatform } from "./node-platform.ts";

/** `tallystick-verify`, built to one file that runs with Node alone. */
process.exitCode = await runCommand(process.argv.slice(2), nodePlatform);
