/** What a whole server tells Prometheus of its alerts, notifications, blocks and heartbeat, and of what stands still. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { realClock } from "../real-clock.ts";
import { EXPIRED, useExpired } from "./expired-use.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let receiver: Server;
let url: string;
/** What the pager answers; the dead man's switch takes every beat. */
let answer = 403;

beforeAll(async () => {
  folder = await temporaryFolder();
  receiver = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(request.url === "/beat" ? 204 : answer).end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});
afterAll(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await folder.remove();
});

/** Lines of the metric, without its name. */
async function metric(server: TestServer, name: string): Promise<readonly string[]> {
  const text = await (await server.fetch("/metrics")).text();
  return text
    .split("\n")
    .flatMap((line) =>
      /^[{ ]/.test(line.slice(name.length)) && line.startsWith(name) ? [line.slice(name.length)] : [],
    );
}

it("an alert, a notification that was given up, a block and a heartbeat are counted while they are there", async () => {
  const data = join(folder.path, "data");
  const yaml = `detectors: {learn: 1ms}
alerts:
  allow_private: [127.0.0.0/8]
  heartbeat: {url: "${url}/beat", every: 1s}
  channels: [{name: pager, kind: alertmanager, url: "${url}"}]
`;
  const server = await startTestServer(data, yaml, withEngine());
  const command = async (...words: readonly string[]) => (await runLine([...words, "--data", data])).out;
  const beganS = Date.now() / 1_000;
  expect(await metric(server, "tallystick_alerts")).toContain('{level="high",state="firing"} 0');
  expect(await metric(server, "tallystick_blocks")).toEqual([" 0"]);
  await useExpired(server);
  await expect.poll(() => metric(server, "tallystick_notifications_dead"), { timeout: 20_000 }).toEqual([" 1"]);
  expect(await metric(server, "tallystick_notifications_total")).toEqual(
    expect.arrayContaining(['{channel="pager",outcome="failed"} 1', '{channel="pager",outcome="dead"} 1']),
  );
  const { alerts } = JSON.parse(await command("alerts", "list", "--json")) as {
    readonly alerts: readonly { readonly id: string; readonly level: string }[];
  };
  const [{ id, level }] = alerts as [(typeof alerts)[number]];
  expect(await metric(server, "tallystick_alerts")).toContain(`{level="${level}",state="firing"} 1`);
  await command("alerts", "ack", id);
  expect(await metric(server, "tallystick_alerts")).toEqual(
    expect.arrayContaining([`{level="${level}",state="firing"} 0`, `{level="${level}",state="acknowledged"} 1`]),
  );

  await command("respond", "block", "--credential", EXPIRED, "--reason", "expired", "--alert", id);
  expect(await metric(server, "tallystick_blocks")).toEqual([" 1"]);
  const dead = /notification_\S+/.exec(await command("alerts", "notifications", "--state", "dead"))?.[0] ?? "";
  answer = 200;
  await command("alerts", "retry", dead);
  await expect.poll(() => command("alerts", "notifications", "--state", "delivered")).toContain(dead);
  expect(await metric(server, "tallystick_notifications_dead")).toEqual([" 0"]);
  expect(await metric(server, "tallystick_notifications_queued")).toEqual([" 0"]);

  await expect.poll(() => metric(server, "tallystick_heartbeat_seconds")).toHaveLength(1);
  const [beat = ""] = await metric(server, "tallystick_heartbeat_seconds");
  expect(Number(beat)).toBeGreaterThanOrEqual(beganS);
  expect(Number(beat)).toBeLessThanOrEqual(Date.now() / 1_000);
  expect(await metric(server, "tallystick_detection_still")).toEqual([]);
  await server.close();
});

it("each part of detection that does not get through its work is told by name", async () => {
  const data = join(folder.path, "still");
  const yaml = `alerts: {allow_private: [127.0.0.0/8], heartbeat: {url: "${url}/beat", every: 1s}}\n`;
  let aheadUs = 0;
  const clock = realClock();
  // Without an engine nothing can be asked, and rules have nothing new before them. Five minutes later that is more
  // than a hesitation.
  const server = await startTestServer(data, yaml, { clock: { ...clock, nowUs: () => clock.nowUs() + aheadUs } });
  expect(await metric(server, "tallystick_detection_still")).toEqual([]);
  await expect.poll(() => metric(server, "tallystick_heartbeat_seconds"), { timeout: 5_000 }).toHaveLength(1);
  aheadUs = 300_000_000;
  // The part that tells of alerts looks when something changes, and needs no engine.
  await runLine(["silence", "place", "service=orders", "--for", "1h", "--comment", "work", "--data", data]);
  const parts = ["detectors", "measures", "tally"].map((part) => `{part="${part}"} 1`);
  await expect.poll(async () => [...(await metric(server, "tallystick_detection_still"))].toSorted()).toEqual(parts);
  await server.close();
});
