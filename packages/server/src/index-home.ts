/** Which index a configuration means, opened with what it needs and nothing more. */
import { resolve } from "node:path";

import type { Clock } from "./clock.ts";
import type { Disk } from "./disk/disk.ts";
import { isTallystickError, TallystickError } from "./errors.ts";
import { indexReader } from "./index/client.ts";
import { dayCounts, hasRecords } from "./index/day-counts.ts";
import type { DayCount } from "./index/day-counts.ts";
import { engineEnvironment } from "./index/engine/engine-environment.ts";
import { superviseEngine } from "./index/engine/supervisor.ts";
import type { EngineAddress } from "./index/engine/supervisor.ts";
import { embeddedHome, externalHome } from "./index/home.ts";
import type { Home } from "./index/home.ts";
import { openIndex } from "./index/open-index.ts";
import type { Index, IndexOptions } from "./index/open-index.ts";
import type { IndexPlace, IndexRequest } from "./machine.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export async function openConfiguredIndex(request: IndexRequest, disk: Disk, environment: Environment): Promise<Index> {
  const { journal, compute, clock, log, holdsTree } = request;
  const home = await homeOf(request, disk, environment);
  const onTrouble = (message: string) => log.warn({ part: "index" }, message);
  return openIndex({ home, journal, compute, clock, holdsTree, onTrouble });
}

async function homeOf(request: IndexPlace, disk: Disk, environment: Environment): Promise<IndexOptions["home"]> {
  const { folder, config, base, keyring } = request;
  const { url, user, password_file: passwordFile, database, memory_bytes: memoryBytes } = config.index;
  if (url !== "") {
    const password = passwordFile === "" ? "" : await passwordIn(disk, resolve(base, passwordFile));
    return { kind: "external", address: { ...loginIn(url, user, password), database } };
  }
  await disk.makeFolder(folder);
  const diskKey = await keyring.key("index");
  return {
    kind: "embedded",
    engine: { folder, memoryBytes, diskKey, environment: engineEnvironment(environment) },
  };
}

/** A user and a password that stand in the URL go first; the URL that is used and told is without them. */
function loginIn(text: string, user: string, password: string): Omit<EngineAddress, "database"> {
  if (!URL.canParse(text)) throw new TallystickError("config_invalid", "index.url is no URL, as http://host:8123.");
  const url = new URL(text);
  const own = { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  url.username = "";
  url.password = "";
  return { url: url.href, user: own.user || user, password: own.password || password };
}

/** Longer than an engine that still holds the folder needs to let go of it. */
const ENGINE_WAIT_MS = 60_000;
/** A server by URL is there or is not. */
const SERVER_WAIT_MS = 10_000;

/** Asks an index that follows no journal, so that it is seen as it was left; null: a server by URL does not answer. */
export async function countLeftIndex(
  place: IndexPlace,
  clock: Clock,
  disk: Disk,
  environment: Environment,
): Promise<readonly DayCount[] | null> {
  const chosen = await homeOf(place, disk, environment);
  if (chosen.kind === "external") return countAt(chosen.address, clock);
  const engine = superviseEngine({ ...chosen.engine, database: "tallystick", clock, onTrouble: () => {} });
  const home = embeddedHome(engine, "tallystick", {});
  try {
    await untilUp(home, clock, ENGINE_WAIT_MS);
    return await dayCounts(indexReader({ home, pressed: () => false }));
  } finally {
    await home.close();
  }
}

/** Without the table, as after somebody dropped it, nothing is there. */
async function countAt(address: EngineAddress, clock: Clock): Promise<readonly DayCount[] | null> {
  const home = externalHome({ address, clock, onTrouble: () => {} });
  try {
    await untilUp(home, clock, SERVER_WAIT_MS);
    if (!(await hasRecords(home))) return [];
    return await dayCounts(indexReader({ home, pressed: () => false }));
  } catch (error) {
    if (isTallystickError(error, "index_unavailable")) return null;
    throw error;
  } finally {
    await home.close();
  }
}

function untilUp(home: Home, clock: Clock, waitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(waitMs, () =>
      reject(new TallystickError("index_unavailable", "The index's engine does not answer.")),
    );
    const look = () => {
      if (!home.isUp()) return;
      cancel();
      resolve();
    };
    home.onChange(look);
    look();
  });
}

async function passwordIn(disk: Disk, file: string): Promise<string> {
  const bytes = await disk.readFile(file);
  if (bytes === null) throw new TallystickError("config_invalid", `index.password_file: ${file} is missing.`);
  return Buffer.from(bytes).toString("utf8").trim();
}
