import type { FastifyInstance } from "fastify";

import { TallystickError } from "./errors.ts";
import type { ListenAddress } from "./listen-address.ts";

/** The URL that it listens at. TallystickError `config_invalid` when it cannot. */
export async function listen(app: FastifyInstance, { host, port }: ListenAddress, hasTls: boolean): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TallystickError("config_invalid", `http.listen: ${host}:${port} cannot be listened on: ${why}`, {
      hint: "Another process may have the port; --listen names another one, 0 takes a free one.",
      cause,
    });
  }
  const bound = app.server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return `${hasTls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${boundPort}`;
}
