import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Control } from "../control/control.ts";
import { MAX_SEARCH_VIEW_LENGTH } from "../control/limits.ts";
import type { SavedSearch } from "../control/saved-searches.ts";
import { TallystickError } from "../errors.ts";
import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

const TAGS = ["search"];
const PATH = "/api/searches/:name";
const ByName = Type.Object({ name: Type.String({ minLength: 1, maxLength: 80 }) });
const View = Type.String({ maxLength: MAX_SEARCH_VIEW_LENGTH, description: "The search's address behind the `?`." });
const Body = Type.Object({ view: View }, { additionalProperties: false });
const Saved = Type.Object({ name: Type.String(), view: View, saved_at: Type.String({ format: "date-time" }) });

/** Searches that a reader keeps under names; each sees his own. */
export function savedSearchesRoutes(app: FastifyInstance, { control }: { readonly control: Control }): void {
  app.get(
    "/api/searches",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "The searches that you keep",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ searches: Type.Array(Saved) }), ...problems(401, 403) },
      },
    },
    (request) => listed(control, request),
  );
  app.put(
    PATH,
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Keep a search under a name, in the place of the one of that name",
        tags: TAGS,
        params: ByName,
        body: Body,
        response: { 200: Saved, ...problems(400, 401, 403, 503) },
      },
    },
    (request) => saved(control, request),
  );
  app.delete(
    PATH,
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Forget a search that you kept",
        tags: TAGS,
        params: ByName,
        response: { 200: ByName, ...problems(401, 403, 404, 503) },
      },
    },
    (request) => forgotten(control, request),
  );
}

async function listed({ searches }: Control, request: FastifyRequest): Promise<{ searches: Static<typeof Saved>[] }> {
  return { searches: searches.of(principalOf(request).name).map(shown) };
}

async function saved({ searches }: Control, request: FastifyRequest): Promise<Static<typeof Saved>> {
  const { name } = request.params as Static<typeof ByName>;
  return shown(await searches.save(principalOf(request).name, name, (request.body as Static<typeof Body>).view));
}

async function forgotten({ searches }: Control, request: FastifyRequest): Promise<Static<typeof ByName>> {
  const { name } = request.params as Static<typeof ByName>;
  if (await searches.forget(principalOf(request).name, name)) return { name };
  throw new TallystickError("not_found", "You keep no search of that name.");
}

function shown({ name, view, savedAt }: SavedSearch): Static<typeof Saved> {
  return { name, view, saved_at: savedAt };
}
