import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import type { EffectiveConfig } from "../config/config.ts";
import { shownConfig } from "../config/shown.ts";
import { problems, query } from "./schemas.ts";

export interface ConfigRouteParts {
  readonly effectiveConfig: EffectiveConfig;
}

const Answer = Type.Object({
  values: Type.Array(
    Type.Object({
      key: Type.String(),
      value: Type.Unknown(),
      from: Type.String({ description: "default, the file's place, the environment's variable, or the option." }),
      says: Type.String(),
    }),
  ),
});

/** What the server runs with; secrets are named by file and never here. */
export function configRoute(app: FastifyInstance, { effectiveConfig }: ConfigRouteParts): void {
  app.get(
    "/api/config",
    {
      config: { access: "operate" },
      schema: {
        summary: "The effective configuration, and where each value came from",
        tags: ["health"],
        querystring: query({}),
        response: { 200: Answer, ...problems(401, 403) },
      },
    },
    async (_, reply) => reply.send({ values: [...shownConfig(effectiveConfig)] }),
  );
}
