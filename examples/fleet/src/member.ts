/** One service in a process of its own; the launcher says which by IPC and the process ends when the launcher does. */
import { impersonate } from "./impostor.ts";
import { broker, database } from "./stores.ts";
import type { ServiceReady, ServiceSetup } from "./setup.ts";
import { startTelemetry } from "./telemetry.ts";
import { serveRoutes, type Routes } from "./web.ts";

const SERVICES: Readonly<Record<string, () => Promise<(setup: ServiceSetup) => Promise<Routes>>>> = {
  inventory: async () => (await import("./services/inventory.ts")).inventory,
  kiosk: async () => (await import("./services/kiosk.ts")).kiosk,
  orders: async () => (await import("./services/orders.ts")).orders,
  payments: async () => (await import("./services/payments.ts")).payments,
  shipping: async () => (await import("./services/shipping.ts")).shipping,
  storefront: async () => (await import("./services/storefront.ts")).storefront,
};
const FLUSH_TIMEOUT_MS = 2_000;

async function start(setup: ServiceSetup): Promise<ServiceReady> {
  if (setup.name === "orders-db") return { port: await database() };
  if (setup.name === "broker") return { port: await broker() };
  if (setup.name === "impostor") return startImpostor(setup);
  const service = SERVICES[setup.name];
  if (service === undefined) throw new Error(`no service ${setup.name}`);
  const telemetry = startTelemetry(setup);
  process.once("disconnect", () => {
    setTimeout(() => process.exit(0), FLUSH_TIMEOUT_MS).unref();
    void telemetry.shutdown().finally(() => process.exit(0));
  });
  const { port } = await serveRoutes(setup, await (await service())(setup));
  return { port };
}

/** Serves nothing, and reports nothing either. */
function startImpostor(setup: ServiceSetup): ServiceReady {
  impersonate(setup);
  process.once("disconnect", () => process.exit(0));
  return { port: 0 };
}

process.once("message", (setup) => {
  start(setup as ServiceSetup).then(
    (ready) => process.send?.(ready),
    (error: unknown) => {
      process.stderr.write(`${(setup as ServiceSetup).name}: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.once("disconnect", () => {
  setTimeout(() => process.exit(0), FLUSH_TIMEOUT_MS + 500).unref();
});
// The launcher decides when the fleet ends; a terminal's Ctrl-C reaches every process of the group.
process.on("SIGINT", () => {});
