import swagger from "@fastify/swagger";
import { Type } from "typebox";
import type { TSchema } from "typebox";
import type { FastifyInstance } from "fastify";

import { AlertSchema } from "./alert-schemas.ts";
import { PROBLEM_CONTENT, SHARED_SCHEMAS } from "./schemas.ts";

/** OpenAPI 3.1 from the schemas that validate; call before any route is declared. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
  for (const schema of [...SHARED_SCHEMAS, AlertSchema]) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Tallystick",
        version,
        description: "The audit log for machine-to-machine traffic. /v1 and /api only grow; a break needs /v2.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", description: "admin.token or a key's secret." },
          session: {
            type: "apiKey",
            in: "cookie",
            name: "tallystick_session",
            description: "Set by a one-time login link.",
          },
        },
      },
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json["$id"] === "string" ? json["$id"] : `def-${index}`,
    },
    transform: ({ schema, url, route }) => {
      const access = route.config?.access ?? "public";
      const security =
        access === "public" ? [] : access === "write" ? [{ bearer: [] }] : [{ bearer: [] }, { session: [] }];
      const described = {
        ...schema,
        ...route.config?.described,
        response: { ...OTHERWISE, ...(schema?.response as object | undefined) },
        security,
        operationId: operationId(route.method, url),
        "x-tallystick-access": access,
      };
      return url.endsWith("/*") ? withPath(described, url) : { schema: described, url };
    },
  });
}

const OTHERWISE = {
  default: {
    description:
      "Problem details of any other status: 400 without Host, 408 when the request is slow to arrive, 417, 431, 503 while the server stops.",
    content: { [PROBLEM_CONTENT]: { schema: Type.Ref("Problem") } },
  },
};

export function openApiRoute(app: FastifyInstance): void {
  app.get(
    "/api/openapi.json",
    { config: { access: "public" }, schema: { summary: "This description", tags: ["health"], hide: false } },
    async (_, reply) => reply.type("application/json; charset=utf-8").send(app.swagger()),
  );
}

interface WithParams {
  readonly params?: unknown;
}

/** The rest of a path, which OpenAPI knows as a parameter only. */
function withPath<Described extends WithParams>(schema: Described, url: string): { schema: Described; url: string } {
  const { properties = {} } = (schema.params ?? {}) as { readonly properties?: Record<string, TSchema> };
  const path = Type.String({ description: "A tile's number, as x001/067, or 000.p/12 for a partial one." });
  return { schema: { ...schema, params: Type.Object({ ...properties, path }) }, url: `${url.slice(0, -1)}:path` };
}

/** `get_api_records_log_epoch_index`: stable, for generated clients. */
function operationId(method: string | readonly string[], url: string): string {
  const words = url.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return [String(method).toLowerCase(), ...words].join("_");
}
