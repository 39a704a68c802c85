import { createSocket } from "node:dgram";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { manualClock } from "../manual-clock.ts";
import { checkpointCopies } from "./copies.ts";
import { copyTarget, fileSender, syslogMessage, syslogSender, webhookSender } from "./node-copy-senders.ts";
import { settle } from "./ledger-bench.contract.ts";
import type { PublishedCheckpoint } from "./local-ledger.ts";

const checkpoint = (size: number, tree = "default/2026-11"): PublishedCheckpoint => ({
  tree,
  size,
  note: Buffer.from(`log.example/${tree}\n${size}\nroot=\n\n— log.example sig\n`),
});
const context = { clock: manualClock(), host: "machine", pid: 42 };

describe("copies of checkpoints", () => {
  it("go out one by one, the newest of a tree when the target is slow", async () => {
    const clock = manualClock();
    const sent: number[] = [];
    let release = (): void => {};
    const send = ({ size }: PublishedCheckpoint): Promise<void> => {
      sent.push(size);
      return new Promise((resolve) => (release = resolve));
    };
    const copies = checkpointCopies([{ name: "slow", every: "checkpoint", send }], clock);
    for (const size of [1, 2, 3]) copies.offer(checkpoint(size));
    expect(sent).toEqual([1]);
    release();
    await settle();
    clock.advance(1);
    expect(sent).toEqual([1, 3]);
    release();
    await settle();
    expect(copies.stats()).toMatchObject([{ sent: 2, failed: 0, skipped: 2, waiting: 0 }]);
  });

  it("are tried again with growing pauses while the target is away, and counted", async () => {
    const clock = manualClock();
    let attempts = 0;
    let isAway = true;
    const send = async (): Promise<void> => {
      attempts += 1;
      if (isAway) throw new Error("away");
    };
    const told: [string, string | null][] = [];
    const copies = checkpointCopies([{ name: "away", every: "checkpoint", send }], clock, (...notice) =>
      told.push(notice),
    );
    for (let second = 0; second < 60; second += 1) {
      copies.offer(checkpoint(second + 1));
      await settle();
      clock.advance(1_000);
    }
    expect(attempts).toBeLessThan(20);
    expect(copies.stats()).toMatchObject([{ sent: 0, failed: attempts, waiting: 1, lastError: "away" }]);
    expect(copies.stats()[0]?.failingSinceMs).toBeTypeOf("number");
    isAway = false;
    clock.advance(10_000);
    await settle();
    expect(copies.stats()).toMatchObject([{ sent: 1, waiting: 0, failingSinceMs: null, lastError: null }]);
    expect(told).toEqual([
      ["away", "away"],
      ["away", null],
    ]);
  });

  it("go out once an hour for each tree when told so, and once more at the end", async () => {
    const clock = manualClock();
    const sent: string[] = [];
    const send = async ({ tree, size }: PublishedCheckpoint): Promise<void> => void sent.push(`${tree} ${size}`);
    const copies = checkpointCopies([{ name: "hourly", every: "hour", send }], clock);
    for (let minute = 0; minute < 121; minute += 1) {
      copies.offer(checkpoint(minute + 1));
      await settle();
      clock.advance(60_000);
    }
    await settle();
    expect(sent).toEqual(["default/2026-11 1", "default/2026-11 60", "default/2026-11 120"]);
    copies.offer(checkpoint(500, "control/2026-11"));
    copies.offer(checkpoint(501, "default/2026-11"));
    await copies.close();
    expect(sent.slice(3).sort()).toEqual(["control/2026-11 500", "default/2026-11 501"]);
  });
});

describe("senders", () => {
  it("append to a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "copies-"));
    const send = fileSender(join(folder, "elsewhere/checkpoints"));
    await send(checkpoint(1));
    await send(checkpoint(2));
    const text = [checkpoint(1), checkpoint(2)].map(({ note }) => `${Buffer.from(note).toString()}\n`).join("");
    expect(await readFile(join(folder, "elsewhere/checkpoints"), "utf8")).toBe(text);
    await rm(folder, { recursive: true });
  });

  it("speak RFC 5424 over UDP", async () => {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const received = new Promise<string>((resolve) => socket.once("message", (bytes) => resolve(bytes.toString())));
    await syslogSender(`udp://127.0.0.1:${socket.address().port}`, context)(checkpoint(7));
    expect(await received).toBe(syslogMessage(checkpoint(7), context));
    expect(await received).toMatch(
      /^<109>1 2026-11-25T00:00:00\.000Z machine tallystick 42 checkpoint - \ufefflog\.example[^\n]*$/,
    );
    socket.close();
  });

  it("speak RFC 5424 over TCP with octet counts", async () => {
    const parts: Buffer[] = [];
    const server = createTcp((socket) => socket.on("data", (part) => parts.push(part)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await syslogSender(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, context)(checkpoint(7));
    const message = syslogMessage(checkpoint(7), context);
    expect(Buffer.concat(parts).toString()).toBe(`${Buffer.byteLength(message)} ${message}`);
    server.close();
  });

  it("post to a webhook, and take only 2xx for an answer", async () => {
    let status = 204;
    const bodies: string[] = [];
    const server = createHttp((request, answer) => {
      request.setEncoding("utf8").on("data", (part: string) => bodies.push(part));
      request.on("end", () => answer.writeHead(status).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const send = webhookSender(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`);
    await send(checkpoint(9));
    expect(bodies).toEqual([Buffer.from(checkpoint(9).note).toString()]);
    status = 500;
    await expect(send(checkpoint(9))).rejects.toThrow("500");
    server.close();
  });

  it("name a target without what may be secret in its URL", () => {
    const target = copyTarget(
      { kind: "webhook", to: "https://user:pass@example.com/hook?token=x", every: "hour" },
      context,
    );
    expect(target.name).toBe("webhook https://example.com/hook");
  });
});
