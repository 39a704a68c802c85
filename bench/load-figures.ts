import type { RunningServer } from "../integrity/running-server.ts";
import type { LoadReport } from "./loader.ts";
import { cpuSeconds, quantile, residentBytes, rounded } from "./measure.ts";

export interface LoadFigures {
  /** From the beginning until all of it was searchable. */
  readonly records_per_second: number;
  readonly acknowledged_per_second: number;
  readonly ack_p99_ms: number;
  readonly cpu_seconds_per_million: { readonly server: number; readonly engine: number };
  readonly resident_peak_mib: number;
}

/** Begins to measure; what is given back is called with the loader's report once the index has caught up. */
export function measuring(server: RunningServer): (report: LoadReport) => LoadFigures {
  const pids = { server: server.pid, engine: server.children()[0] ?? 0 };
  const before = { server: cpuSeconds(pids.server), engine: cpuSeconds(pids.engine) };
  const started = performance.now();
  return ({ acknowledged, elapsedMs, latenciesMs }) => {
    const perMillion = (who: "server" | "engine") =>
      rounded((cpuSeconds(pids[who]) - before[who]) / (acknowledged / 1e6));
    return {
      records_per_second: Math.round(acknowledged / ((performance.now() - started) / 1_000)),
      acknowledged_per_second: Math.round(acknowledged / (elapsedMs / 1_000)),
      ack_p99_ms: rounded(quantile(latenciesMs, 0.99)),
      cpu_seconds_per_million: { server: perMillion("server"), engine: perMillion("engine") },
      resident_peak_mib: Math.round(residentBytes(server.pid).peak / 2 ** 20),
    };
  };
}
