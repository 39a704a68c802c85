/**
 * A small real fleet: kiosk → storefront → orders → payments over HTTP, orders → PostgreSQL, orders → MQTT → shipping →
 * inventory, each a process of its own with its own producer key, under a steady mixed load with declined cards,
 * failures, retries and timeouts. And an impostor, which calls payments in the name of orders.
 *
 * Needs TALLYSTICK_URL and TALLYSTICK_TOKEN (an administrator's). Ends on SIGTERM, SIGINT, or when its standard input
 * closes.
 */
import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { fingerprint } from "./identity.ts";
import type { Peers, ServiceReady, ServiceSetup } from "./setup.ts";

const SERVICES = ["inventory", "payments", "orders", "shipping", "storefront", "kiosk"] as const;
const IMPOSTOR = "impostor";
const START_TIMEOUT_MS = 60_000;
const SERVICE = new URL(import.meta.url.endsWith(".ts") ? "./member.ts" : "./member.js", import.meta.url);

const { values: options } = parseArgs({
  options: {
    rate: { type: "string", default: "5" },
    trouble: { type: "string", default: "1" },
    "impostor-every-s": { type: "string", default: "15" },
  },
});

async function main(): Promise<void> {
  const url = required("TALLYSTICK_URL");
  const admin = required("TALLYSTICK_TOKEN");
  const apiKeys = new Map<string, string>(
    [...SERVICES, IMPOSTOR].map((name) => [name, randomBytes(24).toString("base64url")]),
  );
  const issuedKeys = [...apiKeys.values()].map(fingerprint);
  const children: ChildProcess[] = [];
  const launch = async (name: string, peers: Peers): Promise<string> => {
    const reports = SERVICES.some((service) => service === name);
    const tallystickKey = reports ? await producerKey(url, admin, name) : "";
    const child = fork(SERVICE, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: process.execArgv });
    children.push(child);
    const setup: ServiceSetup = {
      name,
      tallystickUrl: url,
      tallystickKey,
      peers,
      apiKey: apiKeys.get(name) ?? "",
      issuedKeys,
      rate: Number(options.rate),
      trouble: Number(options.trouble),
      impostorEveryMs: Number(options["impostor-every-s"]) * 1_000,
    };
    return `127.0.0.1:${(await ready(child, setup)).port}`;
  };

  const [database, broker] = await Promise.all([launch("orders-db", {}), launch("broker", {})]);
  const queue = `mqtt://${broker}`;
  const inventory = `http://${await launch("inventory", {})}`;
  const payments = `http://${await launch("payments", {})}`;
  await launch("shipping", { inventory, broker: queue });
  const store = `postgres://postgres@${database}/postgres?sslmode=disable`;
  const orders = `http://${await launch("orders", { payments, broker: queue, "orders-db": store })}`;
  const storefront = `http://${await launch("storefront", { orders, inventory })}`;
  await launch("kiosk", { storefront });

  process.stdout.write(`fleet: ${SERVICES.length} services running, storefront at ${storefront}\n`);
  await launch(IMPOSTOR, { payments });
  process.stdout.write(`fleet: ${IMPOSTOR} running: it calls payments as orders, with a key of its own\n`);
  endWith(children);
}

function endWith(children: readonly ChildProcess[]): void {
  let ending = false;
  const end = (code: number): void => {
    if (ending) return;
    ending = true;
    let left = children.filter((child) => child.exitCode === null).length;
    const gone = (): void => {
      left -= 1;
      if (left <= 0) process.exit(code);
    };
    if (left === 0) process.exit(code);
    for (const child of children) {
      child.once("exit", gone);
      if (child.connected) child.disconnect();
    }
  };
  for (const child of children) child.once("exit", () => end(1));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => end(0));
  process.stdin.on("end", () => end(0)).resume();
}

async function ready(child: ChildProcess, setup: ServiceSetup): Promise<ServiceReady> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${setup.name} did not start`)), START_TIMEOUT_MS);
    child.once("exit", (code) => reject(new Error(`${setup.name} ended at its start (exit ${code})`)));
    child.once("message", (message) => {
      clearTimeout(late);
      resolve(message as ServiceReady);
    });
    child.send(setup);
  });
}

/** A producer key of the service's own; the secret is shown once, so a key of an earlier run is replaced. */
async function producerKey(url: string, admin: string, service: string): Promise<string> {
  const response = await fetch(`${url}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${admin}`, "content-type": "application/json" },
    body: JSON.stringify({ name: `${service}-${randomBytes(3).toString("hex")}`, service }),
  });
  if (!response.ok) throw new Error(`no key for ${service}: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { readonly secret: string }).secret;
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value.replace(/\/$/, "");
}

main().catch((error: unknown) => {
  process.stderr.write(`fleet: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
