/** A channel that alerts go to: a webhook on this machine, which takes whatever comes. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface SeededChannel {
  readonly name: string;
  /** For the server that sends to it. */
  readonly args: readonly string[];
  /** Types of the messages so far. */
  readonly heard: readonly string[];
  close(): Promise<void>;
}

export async function openChannel(folder: string): Promise<SeededChannel> {
  const heard: string[] = [];
  const receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => void parts.push(part));
    request.on("end", () => {
      heard.push((JSON.parse(Buffer.concat(parts).toString("utf8")) as { readonly type: string }).type);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((listening) => receiver.listen(0, "127.0.0.1", listening));
  const { port } = receiver.address() as AddressInfo;
  const secret = join(folder, "webhook.secret");
  writeFileSync(secret, `whsec_${Buffer.alloc(32, 7).toString("base64")}\n`, { mode: 0o600 });
  const config = join(folder, "tallystick.yaml");
  const channel = `{ name: on-call, kind: webhook, url: "http://127.0.0.1:${port}/in", secret_file: ${secret} }`;
  writeFileSync(config, `alerts:\n  channels:\n    - ${channel}\n  allow_private: [127.0.0.0/8]\n`);
  return {
    name: "on-call",
    args: ["--config", config],
    heard,
    close: () =>
      new Promise((closed) => {
        receiver.closeAllConnections();
        receiver.close(() => closed());
      }),
  };
}
