import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";

import { realClock } from "../real-clock.ts";
import { externalHome } from "./home.ts";
import type { Home } from "./home.ts";

const opened: { server: Server; home: Home }[] = [];

afterEach(async () => {
  for (const { server, home } of opened.splice(0)) {
    await home.close();
    server.closeAllConnections();
    server.close();
  }
});

/** What is said of a server that answers every statement so. */
async function toldOf(status: number, code: string | null, body: string, wanted = "up"): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, code === null ? {} : { "X-ClickHouse-Exception-Code": code });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return toldAt(`http://127.0.0.1:${port}`, server, wanted);
}

function toldAt(url: string, server: Server, wanted = "up"): Promise<string> {
  const address = { url, user: "tally", password: "a password nobody may see", database: "audit" };
  return new Promise((resolve) => {
    const home = externalHome({ address, clock: realClock(), onTrouble: resolve });
    opened.push({ server, home });
    home.onChange(() => home.isUp() && resolve(wanted));
  });
}

const fault = (code: number, text: string) => `Code: ${code}. DB::Exception: tally: ${text}`;

describe("a ClickHouse server by URL that cannot be used", () => {
  it.each([
    ["a wrong password", 403, "516", fault(516, "Authentication failed. (AUTHENTICATION_FAILED)"), "password_file"],
    ["a user without rights", 403, "497", fault(497, "Not enough privileges. (ACCESS_DENIED)"), "grant it ALL"],
    ["a fault of its own", 500, "1000", fault(1000, "oh. (POCO_EXCEPTION)"), "(code 1000)"],
    ["another program", 200, null, "<html>hello</html>", "does not speak ClickHouse"],
    ["another program that knows no such page", 404, null, "not here", "does not speak ClickHouse"],
    ["one that is too old", 200, null, '{"value":"25.8.1.1"}\n', "is 25.8.1.1; 26.3 or newer"],
  ])("%s is told by what to look at, and by no secret", async (_, status, code, body, expected) => {
    const told = await toldOf(status, code, body);
    expect(told).toContain(expected);
    expect(told).not.toContain("nobody may see");
  });

  it("an address where nobody listens is told", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await toldAt(`http://127.0.0.1:${port}`, server)).toContain(`127.0.0.1:${port} (ECONNREFUSED)`);
  });

  it("one that is new enough is used, in words none", async () => {
    expect(await toldOf(200, null, '{"value":"26.3.9.8"}\n')).toBe("up");
  });
});
