/** `alerts test` against a whole server and a real receiver: whether it arrived, why not, and what to do. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { runLine } from "./command-line.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let receiver: Server;
let server: TestServer;
let data: string;
/** What it answers next; the last one for good. */
let answers: number[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  receiver = createServer((request, response) => {
    request.resume().on("end", () => {
      const [status = 204] = answers;
      if (answers.length > 1) answers.shift();
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const [port, nobody] = [receiver, closed].map((one) => (one.address() as AddressInfo).port);
  await new Promise((resolve) => closed.close(resolve));
  const yaml = `alerts:
  allow_private: [127.0.0.0/8]
  channels:
    - {name: am, kind: alertmanager, url: "http://127.0.0.1:${port}", per_minute: 6000}
    - {name: gone, kind: alertmanager, url: "http://127.0.0.1:${nobody}"}
`;
  server = await startTestServer(data, yaml);
});
afterAll(async () => {
  await server.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await folder.remove();
});

const tested = (channel: string, ...options: readonly string[]) =>
  runLine(["alerts", "test", channel, ...options, "--data", data]);

it("a test that arrives says what was answered, also when the second try did", async () => {
  answers = [204];
  expect(await tested("am")).toMatchObject({ exitCode: 0, out: "am: delivered. It answered 204.\n" });
  answers = [503, 200];
  expect(await tested("am")).toMatchObject({ exitCode: 0, out: "am: delivered. It answered 200.\n" });
});

it("a test that is refused says why and what to do, and how it is sent again", async () => {
  answers = [403];
  const { exitCode, out } = await tested("am");
  expect(exitCode).toBe(1);
  expect(out).toContain("am: failed. It answered 403. It does not let this sender in: look at the channel's secret");
  const [, id = ""] = /alerts retry (\S+)`/.exec(out) ?? [];
  answers = [200];
  expect((await runLine(["alerts", "retry", id, "--data", data])).exitCode).toBe(0);
});

it("a test that is still tried says so after the time, with the reason, and nothing waits longer than may be", async () => {
  const { exitCode, out } = await tested("gone", "--wait", "1s");
  expect(exitCode).toBe(1);
  expect(out).toMatch(/^gone: still trying after 1 s: \d tr(y|ies); the next is at .*ECONNREFUSED/);
  expect(out).toContain("Nothing listens there: is the receiver running, and is the port right?");
  expect(await tested("am", "--wait", "1h")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("at most 30s"),
  });
});

it("the API answers at once unless it is asked to wait, and a stop of the server ends the wait", async () => {
  const post = async (query: string) => {
    const response = await server.fetch(`/api/channels/gone/test${query}`, { method: "POST" });
    return { status: response.status, said: (await response.json()) as { state: string; answer: string | null } };
  };
  expect(await post("")).toMatchObject({ status: 202, said: { state: "queued", answer: null } });
  expect((await post("?wait=31")).status).toBe(400);
  const waiting = post("?wait=30");
  await expect
    .poll(async () => (await (await server.fetch("/metrics")).text()).includes("tallystick_tails 1"))
    .toBe(true);
  server = await server.restart();
  expect(await waiting).toMatchObject({ status: 202, said: { state: "queued" } });
});
