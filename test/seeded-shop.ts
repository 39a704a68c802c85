/**
 * An hour of a small shop, and the same hour of a week ago, with faults to be found: payments began to fail eighteen
 * minutes ago, when its new version came out; somebody calls payments in the name of orders; shipping lost records.
 * The same seed gives the same records.
 */
import { createHash } from "node:crypto";
import { HALF, type Half, type Told } from "./seeded-half.ts";

export const INCIDENT_MINUTES = 18;
export const HOSTILE = '<img src=x onerror="document.title=1">';
/** The key of the process that belongs to nobody. */
export const IMPOSTOR_KEY = fingerprint("impostor");

const WEEK_MS = 7 * 86_400_000;
const MINUTE_MS = 60_000;

export interface ShopOptions {
  readonly nowMs: number;
  readonly visitsPerMinute: number;
  readonly minutes: number;
}

/** Records by who writes them. The impostor's calls are among those of payments, in order of time. */
export function shopRecords({ nowMs, visitsPerMinute, minutes }: ShopOptions): ReadonlyMap<string, readonly object[]> {
  const shop = new Shop(nowMs);
  const stepMs = MINUTE_MS / visitsPerMinute;
  for (const endMs of [nowMs - WEEK_MS, nowMs - 5_000])
    for (let atMs = endMs - minutes * MINUTE_MS; atMs < endMs; atMs += stepMs) shop.visit(atMs);
  for (let minute = 3; minute < minutes; minute += 7) shop.impersonate(nowMs - minute * MINUTE_MS);
  shop.oddities();
  return shop.byWriter();
}

function fingerprint(owner: string): string {
  return `sha256:${createHash("sha256").update(`key of ${owner}`).digest("hex")}`;
}

interface Call extends Told {
  readonly more?: Readonly<Record<string, unknown>>;
}

class Shop {
  readonly #written: Half[] = [];
  readonly #nowMs: number;
  #state = 20_261_126;
  #visits = 0;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  byWriter(): ReadonlyMap<string, readonly object[]> {
    const found = new Map<string, object[]>();
    for (const half of this.#written.toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : 1))) {
      const { recorder_id: writer, ...record } = half;
      const all = found.get(writer) ?? [];
      found.set(writer, all);
      // What shipping wrote under these numbers never arrived.
      const seq = all.length + (writer === "shipping" && all.length >= 40 ? 3 : 0);
      all.push({ ...record, producer_id: `${writer}-7d4f`, producer_epoch: "2026-11-26T06:00Z", producer_seq: seq });
    }
    return found;
  }

  visit(atMs: number): void {
    const n = this.#visits++;
    const trace = this.#hex(32);
    const buys = n % 3 === 0;
    const failing = this.#fails(atMs);
    const root = { trace, parent: "", caller: "kiosk", callee: "storefront", protocol: "http" };
    if (!buys) {
      const span = this.#hex(16);
      const listMs = this.#listProducts(trace, span, atMs + 4);
      const browse = { operation: "GET /products", resource: "/products", status: "success", code: "200" };
      this.#call({ ...root, ...browse, startMs: atMs, durationMs: listMs + 9 }, span);
      return;
    }
    const span = this.#hex(16);
    const order = this.#order(trace, span, atMs + 6, n, failing);
    const failed = order.status !== "success";
    this.#call(
      {
        ...root,
        operation: "POST /checkout",
        resource: "/checkout",
        startMs: atMs,
        durationMs: order.durationMs + 14,
        status: failed ? "error" : "success",
        code: failed ? "502" : "201",
        ...(failed ? { error: "BadGateway", message: "orders could not place the order" } : {}),
      },
      span,
    );
  }

  #fails(atMs: number): boolean {
    return atMs > this.#nowMs - INCIDENT_MINUTES * MINUTE_MS;
  }

  #listProducts(trace: string, parent: string, startMs: number): number {
    const refused = this.#random() < 0.015;
    const durationMs = 6 + this.#random() * 18;
    const list = { trace, parent, caller: "storefront", callee: "inventory", protocol: "http", startMs, durationMs };
    const outcome = refused
      ? { status: "denied", code: "401", error: "TokenExpired", message: "the token has expired" }
      : { status: "success", code: "200" };
    this.#call({ ...list, operation: "GET /stock", resource: "/stock", ...outcome });
    return durationMs;
  }

  #order(trace: string, parent: string, startMs: number, n: number, failing: boolean) {
    const span = this.#hex(16);
    const sql = { trace, parent: span, caller: "orders", callee: "orders-db", protocol: "sql" };
    const insertMs = 3 + this.#random() * 9;
    const insert = { operation: "INSERT orders", resource: "orders", startMs: startMs + 3, durationMs: insertMs };
    this.#call({ ...sql, ...insert, status: "success", code: "0" });
    const charge = this.#charge(trace, span, startMs + insertMs + 6, n, failing);
    const failed = charge.status !== "success";
    if (!failed) this.#publish(trace, span, startMs + insertMs + charge.durationMs + 8, n);
    const durationMs = insertMs + charge.durationMs + 16;
    const outcome = failed
      ? { status: "error", code: "502", error: "BadGateway", message: "payments did not charge the card" }
      : { status: "success", code: "201" };
    const order = { trace, parent, caller: "storefront", callee: "orders", protocol: "http", startMs, durationMs };
    this.#call({ ...order, operation: "POST /orders", resource: "/orders", ...outcome }, span);
    return { durationMs, status: outcome.status };
  }

  #charge(trace: string, parent: string, startMs: number, n: number, failing: boolean) {
    const span = this.#hex(16);
    const stuck = failing && this.#random() < 0.55;
    const late = !stuck && n % 45 === 15;
    const dbMs = stuck ? 2_000 : (failing ? 40 : 6) + this.#random() * 30;
    const version = failing ? "1.5.0" : "1.4.2";
    const insert = { trace, parent: span, caller: "payments", callee: "payments-db", protocol: "sql" };
    const failure = { status: "timeout", code: "57014", error: "QueryCanceled", message: "statement timeout: lock" };
    this.#call({
      ...insert,
      operation: "INSERT charges",
      resource: "charges",
      startMs: startMs + 9,
      durationMs: dbMs,
      ...(stuck ? failure : { status: "success", code: "0" }),
      more: { service_version: version, host: failing ? "payments-6c9b" : "payments-5d21" },
    });
    const durationMs = dbMs + (late ? 2_600 : 25);
    const charge = { trace, parent, caller: "orders", callee: "payments", protocol: "http", startMs, durationMs };
    const outcome = stuck
      ? { status: "error", code: "500", error: "PoolTimeout", message: "no connection to payments-db in 2 s" }
      : { status: "success", code: "201" };
    const more = {
      service_version: version,
      host: failing ? "payments-6c9b" : "payments-5d21",
      data_class: "confidential",
      data_categories: ["pci"],
      subject_refs: [`customer-${n % 40}`],
      ...(n % 30 === 0
        ? { request_body: `{"note":"${HOSTILE.replaceAll('"', "'")}","amount":${1_000 + n},"card":"4111111111111111"}` }
        : {}),
    };
    const whole = { ...charge, operation: "POST /charges", resource: "/charges", ...outcome };
    this.#call({ ...whole, more }, span, late ? { status: "timeout", durationMs: 2_000 } : undefined);
    return { durationMs: late ? 2_000 : durationMs, status: late ? "timeout" : outcome.status };
  }

  #publish(trace: string, parent: string, startMs: number, n: number): void {
    const message = { protocol: "mqtt", operation: "publish orders.created", resource: "orders.created" };
    const attributes = { "messaging.message.id": `order-${n}`, "messaging.destination.name": "orders.created" };
    const both = { trace, status: "success", code: "0", caller: "orders", callee: "shipping", parent };
    this.#call({ ...both, ...message, startMs, durationMs: 2, more: { attributes } });
  }

  /** Payments lets it in and says so; orders says nothing of it. */
  impersonate(atMs: number): void {
    const call: Call = {
      trace: this.#hex(32),
      parent: "",
      caller: "orders",
      callee: "payments",
      operation: "POST /charges",
      resource: "/charges",
      protocol: "http",
      startMs: atMs,
      durationMs: 31,
      status: "success",
      code: "201",
    };
    const span = this.#hex(16);
    const version = this.#fails(atMs) ? "1.5.0" : "1.4.2";
    const told = { credential_id: IMPOSTOR_KEY, peer_address: "10.9.3.77", service_version: version };
    this.#written.push(HALF.callee(call, span, this.#hex(16), { ...told, auth_method: "api_key" }));
  }

  oddities(): void {
    const call: Call = {
      trace: this.#hex(32),
      parent: "",
      caller: "kiosk",
      callee: HOSTILE,
      operation: `GET /${HOSTILE}`,
      resource: "/",
      protocol: "http",
      startMs: this.#nowMs - 2 * MINUTE_MS,
      durationMs: 12,
      status: "error",
      code: "404",
      error: "NotFound",
      message: HOSTILE,
    };
    this.#written.push(HALF.caller(call, this.#hex(16), { request_id: "hostile-1" }));
  }

  /** Both halves, or the caller's alone where databases are called; the caller may have seen it otherwise. */
  #call(call: Call, calleeSpan = this.#hex(16), seen?: { readonly status: string; readonly durationMs: number }): void {
    const span = this.#hex(16);
    const network = 0.4 + this.#random() * 1.8;
    const { service_version: version = "2.8.0", host = `${call.callee}-1`, ...shared } = call.more ?? {};
    const records = call.protocol !== "sql";
    const own = records ? { service_version: "2.8.0", host: `${call.caller}-1` } : { service_version: version, host };
    const asCalled = seen === undefined ? call : { ...call, ...seen, code: "", error: "Timeout", message: "gave up" };
    const { request_body: _body, ...light } = shared;
    const half = { ...call, ...asCalled, durationMs: asCalled.durationMs + network };
    this.#written.push(HALF.caller(half, span, { ...light, ...own }));
    if (!records) return;
    const told = { credential_id: fingerprint(call.caller), auth_method: "api_key", auth_decision: "allow" };
    const denied = call.status === "denied" ? { auth_decision: "deny" } : {};
    const address = { peer_address: `10.9.0.${10 + call.caller.length}` };
    const more = { ...shared, ...told, ...denied, ...address, service_version: version, host };
    this.#written.push(HALF.callee({ ...call, startMs: call.startMs + network / 2 }, span, calleeSpan, more));
  }

  #hex(length: number): string {
    let text = "";
    while (text.length < length)
      text += Math.floor(this.#random() * 0xffffffff)
        .toString(16)
        .padStart(8, "0");
    return text.slice(0, length);
  }

  /** Mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}
