import { NO_RECORDS } from "./recorded-reads.ts";
import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Clock } from "../clock.ts";
import type { AliasInfo, Control, PartyInfo } from "../control/control.ts";
import { TallystickError } from "../errors.ts";
import { parseInstant } from "../search/time.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { goneSignal } from "./search-query.ts";
import { tallyReader } from "./tally-routes.ts";
import type { TallyRoutesParts } from "./tally-routes.ts";

export interface NamesRoutesParts extends TallyRoutesParts {
  readonly control: Control;
  readonly clock: Clock;
}

const TAGS = ["tally"];
const Name = Type.String({ minLength: 1, maxLength: 256, description: "As it stands in records." });
const Time = Type.String({ format: "date-time" });
const orNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const Source = (values: string[]) => Type.Enum(values, { description: "Where it is from." });
const ByName = Type.Object({ name: Name });

/** Who stands behind a name, and which parties never record: shown, and corrected by records of the control log. */
export function namesRoutes(app: FastifyInstance, parts: NamesRoutesParts): void {
  aliasRoutes(app, parts);
  partyRoutes(app, parts);
}

const Declared = { declared_by: orNull(Type.String()), declared_at: orNull(Time) };

const Alias = Type.Object({
  name: Name,
  service: orNull(Type.String({ description: "Null: it stood for several services and says nothing." })),
  source: Source(["declared", "configured", "learned"]),
  from: orNull(Time),
  to: orNull(Time),
  ...Declared,
  seen: Type.Array(Type.Object({ service: Type.String(), first_seen: Time, last_seen: Time }), {
    description: "Whom pairs of the last day showed behind the name.",
  }),
});

const NewAliasBody = Type.Object(
  {
    name: Name,
    service: Type.String({ minLength: 1, maxLength: 256, description: "The service behind it." }),
    from: Type.Optional(Type.String({ description: "Inclusive; RFC 3339, a date, or now-15m." })),
    to: Type.Optional(Type.String({ description: "Exclusive." })),
  },
  { additionalProperties: false },
);

const DeclaredAlias = Type.Object({
  name: Name,
  service: Type.String(),
  from: orNull(Time),
  to: orNull(Time),
  declared_by: Type.String(),
  declared_at: Time,
});

function aliasRoutes(app: FastifyInstance, parts: NamesRoutesParts): void {
  const { control, clock } = parts;
  app.get(
    "/api/aliases",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "Which service stands behind which name",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ aliases: Type.Array(Alias) }), ...problems(401, 403, 404, 503, 504) },
      },
    },
    async (request, reply) => ({ aliases: await tallyReader(parts).aliases(scopeOf(request), goneSignal(reply)) }),
  );
  app.post(
    "/api/aliases",
    {
      config: { access: "manage" },
      schema: {
        summary: "Declare which service stands behind a name, in the place of what was declared before",
        tags: TAGS,
        body: NewAliasBody,
        response: { 201: DeclaredAlias, ...problems(400, 401, 403, 503) },
      },
    },
    async (request, reply) => {
      const { name, service, from, to } = request.body as Static<typeof NewAliasBody>;
      const at = (text: string | undefined, field: string) =>
        text === undefined ? null : formatTimestamp(parseInstant(text, clock.nowUs(), field));
      const wanted = { name, service, from: at(from, "from"), to: at(to, "to") };
      const alias = await control.setAlias(principalOf(request).name, wanted);
      return reply.code(201).send(shownAlias(alias));
    },
  );
  app.delete(
    "/api/aliases/:name",
    {
      config: { access: "manage" },
      schema: {
        summary: "Take a declared alias back; what is configured or learned of the name counts again",
        tags: TAGS,
        params: ByName,
        response: { 200: ByName, ...problems(401, 403, 404, 503) },
      },
    },
    (request) => taken(request, "aliases", (by, name) => control.removeAlias(by, name)),
  );
}

function shownAlias({ name, service, from, to, declaredBy, declaredAt }: AliasInfo): Static<typeof DeclaredAlias> {
  return { name, service, from, to, declared_by: declaredBy, declared_at: declaredAt };
}

export const PartySchema = Type.Object({
  name: Name,
  reason: orNull(Type.String()),
  source: Source(["declared", "configured"]),
  ...Declared,
});

const NewPartyBody = Type.Object(
  { name: Name, reason: Type.String({ minLength: 1, maxLength: 1_024, description: "Why it never records." }) },
  { additionalProperties: false },
);

const DeclaredParty = Type.Object({
  name: Name,
  reason: Type.String(),
  declared_by: Type.String(),
  declared_at: Time,
});

function partyRoutes(app: FastifyInstance, parts: NamesRoutesParts): void {
  const { control } = parts;
  app.get(
    "/api/parties",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "Parties that never record, by declaration: their missing half is no break",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ parties: Type.Array(PartySchema) }), ...problems(401, 403, 404) },
      },
    },
    (request, reply) => reply.send({ parties: [...tallyReader(parts).parties(scopeOf(request))] }),
  );
  app.post(
    "/api/parties",
    {
      config: { access: "manage" },
      schema: {
        summary: "Declare that a party never records",
        tags: TAGS,
        body: NewPartyBody,
        response: { 201: DeclaredParty, ...problems(400, 401, 403, 503) },
      },
    },
    async (request, reply) => {
      const party = await control.setParty(principalOf(request).name, request.body as Static<typeof NewPartyBody>);
      return reply.code(201).send(shownParty(party));
    },
  );
  app.delete(
    "/api/parties/:name",
    {
      config: { access: "manage" },
      schema: {
        summary: "Take the declaration back",
        tags: TAGS,
        params: ByName,
        response: { 200: ByName, ...problems(401, 403, 404, 503) },
      },
    },
    (request) => taken(request, "parties", (by, name) => control.removeParty(by, name)),
  );
}

function shownParty({ name, reason, declaredBy, declaredAt }: PartyInfo): Static<typeof DeclaredParty> {
  return { name, reason, declared_by: declaredBy, declared_at: declaredAt };
}

/** Takes back what a record declared of a name. */
async function taken(
  request: FastifyRequest,
  among: "aliases" | "parties",
  remove: (by: string, name: string) => Promise<boolean>,
): Promise<Static<typeof ByName>> {
  const { name } = request.params as Static<typeof ByName>;
  if (await remove(principalOf(request).name, name)) return { name };
  throw new TallystickError("not_found", `No record of the control log declares ${among} of this name.`, {
    hint: `\`tallystick ${among} list\` shows them; one from the configuration is taken out there.`,
  });
}
