import { redactText } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Principal } from "../access/access.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { PARTS } from "../payload/payload-meta.ts";
import type { Part } from "../payload/payload-meta.ts";
import type { ErasedItem } from "../retain/erasure.ts";
import { MAX_NAMED_RECORDS, MAX_SUBJECT_LENGTH } from "../retain/erasure-limits.ts";
import { namedRecords } from "../retain/erasure-plan.ts";
import type { Selection } from "../retain/erasure-plan.ts";
import type { Eraser } from "../retain/eraser.ts";
import { seesAllOf, seesRecord } from "../search/scope.ts";
import { MAX_REASON_LENGTH } from "./limits.ts";
import { NO_RECORDS } from "./recorded-reads.ts";
import { principalOf } from "./route-access.ts";
import { problems } from "./schemas.ts";

export interface ErasureRoutesParts {
  readonly eraser: Eraser;
  readonly journal: Journal;
  /** Backups that hold some of these leaves. */
  readonly backupsOf: (leaves: readonly ErasedItem[]) => Promise<readonly string[]>;
}

const Counts = {
  records: Type.Integer(),
  bodies: Type.Integer(),
  leaves: Type.Integer(),
};

const Preview = Type.Object({
  ...Counts,
  already_erased: Type.Integer(),
  own_records: Type.Integer({
    description: "Tallystick's own records (verdicts, alerts, readers' questions) that say what only the leaves said.",
  }),
  own_kept: Type.Array(Type.String(), {
    description: "The first of those that say it and stay, because people decided them: a rule, a name, a hold.",
  }),
  first_received_at: Type.Union([Type.String(), Type.Null()]),
  last_received_at: Type.Union([Type.String(), Type.Null()]),
  approval: Type.Union([Type.String(), Type.Null()], { description: "Id of the proposal; null of a dry run." }),
  state: Type.String({ description: "dry_run, pending (somebody else must approve), approved, done or failed." }),
  outcome: Type.Union([Type.String(), Type.Null()]),
  backups: Type.Array(Type.String(), {
    description: "Backups that still hold the bytes: make a new one there, and a restore applies the erasure.",
  }),
});

interface ErasureRequest {
  readonly subject?: string;
  readonly records?: readonly string[];
  readonly parts?: readonly Part[];
  readonly leaf?: boolean;
  readonly reason: string;
  readonly dry_run?: boolean;
}

/** Erasure: of bodies of named records or of all records about a person, and of named records themselves. */
export function erasureRoutes(app: FastifyInstance, parts: ErasureRoutesParts): void {
  eraseRoute(app, parts);
  listRoute(app, parts);
}

function eraseRoute(app: FastifyInstance, parts: ErasureRoutesParts): void {
  app.post<{ Body: ErasureRequest }>(
    "/api/erasures",
    {
      config: { access: "erase" },
      schema: {
        summary: "Erase sealed bodies, or records themselves",
        description:
          "Exactly one of subject and records. With `dry_run` it says what would be erased and changes nothing. Records, " +
          "commitments and proofs stay; an ERASURE record says what was erased, by whom and why. Where a second person " +
          "must agree, nothing is erased before.",
        tags: ["erasure"],
        body: Type.Object(
          {
            subject: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_SUBJECT_LENGTH })),
            records: Type.Optional(
              Type.Array(Type.String({ maxLength: 256, description: "As default/2026-11/17." }), {
                minItems: 1,
                maxItems: MAX_NAMED_RECORDS,
              }),
            ),
            parts: Type.Optional(Type.Array(Type.Enum([...PARTS]), { minItems: 1, maxItems: 2 })),
            leaf: Type.Optional(
              Type.Boolean({
                description: "The records themselves, with their bodies; hash and place of each stay in the tree.",
              }),
            ),
            reason: Type.String({ minLength: 1, maxLength: MAX_REASON_LENGTH, pattern: "\\S" }),
            dry_run: Type.Optional(Type.Boolean()),
          },
          { additionalProperties: false },
        ),
        response: { 200: Preview, 202: Preview, ...problems(400, 401, 403, 404, 409, 503, 504) },
      },
    },
    async (request, reply) => {
      const answer = await erase(parts, principalOf(request), request.body);
      if (answer.state === "pending") reply.code(202);
      return answer;
    },
  );
}

async function erase(
  { eraser, journal, backupsOf }: ErasureRoutesParts,
  principal: Principal,
  request: ErasureRequest,
) {
  const selection = selectionOf(request);
  await refuseUnseen(journal, principal, selection);
  const { items, alreadyErased, own, kept } = await eraser.preview(selection);
  const counts = { ...countsOf(items, alreadyErased), own_records: own.length, own_kept: [...kept] };
  const backups = await backupsOf([...items, ...own]);
  if (request.dry_run === true) return { ...counts, approval: null, state: "dry_run", outcome: null, backups };
  const { id, state, outcome } = await eraser.propose(principal.name, selection, redactText(request.reason));
  return { ...counts, approval: id, state, outcome, backups };
}

function selectionOf({ subject, records, parts, leaf = false }: ErasureRequest): Selection {
  if ((subject === undefined) === (records === undefined))
    throw new TallystickError("bad_request", "Exactly one of subject and records says what is meant.");
  if (leaf && parts !== undefined)
    throw new TallystickError("bad_request", "A leaf goes with both its bodies; no part is named for it.");
  if (subject === undefined) return { kind: "records", records: records ?? [], parts: parts ?? PARTS, leaf };
  if (parts === undefined && !leaf) return { kind: "subject", subject };
  throw new TallystickError("bad_request", "Parts and leaf are for records; of a subject all bodies are erased.");
}

/** Who does not see a record cannot make it go away, nor learn by trying that it is there. */
async function refuseUnseen(journal: Journal, { scope }: Principal, selection: Selection): Promise<void> {
  if (selection.kind === "subject") {
    if (scope.logs === "*" && seesAllOf(scope, "*")) return;
    throw new TallystickError("forbidden", "Erasing all that is about a person takes somebody who sees all of it.");
  }
  for (const placed of await namedRecords(journal, selection.records)) {
    const { tree, index } = placed;
    if (!seesRecord(scope, tree, placed))
      throw new TallystickError("not_found", `There is no record ${tree}/${index}.`, { at: { tree, index } });
  }
}

function countsOf(items: readonly ErasedItem[], alreadyErased: number) {
  const times = items.map(({ received_at: at }) => at).toSorted();
  const leaves = items.filter(({ what }) => what === "leaf").length;
  return {
    records: new Set(items.map(({ tree, leaf_index: index }) => `${tree}:${index}`)).size,
    bodies: items.length - leaves,
    leaves,
    already_erased: alreadyErased,
    first_received_at: times[0] ?? null,
    last_received_at: times.at(-1) ?? null,
  };
}

const Done = Type.Object({
  id: Type.String(),
  at: Type.String({ format: "date-time" }),
  by: Type.String(),
  approved_by: Type.Union([Type.String(), Type.Null()]),
  target: Type.String(),
  reason: Type.String(),
  ...Counts,
});

function listRoute(app: FastifyInstance, { eraser }: ErasureRoutesParts): void {
  app.get(
    "/api/erasures",
    {
      config: { access: "audit", reads: NO_RECORDS },
      schema: {
        summary: "What was erased, by whom and why",
        tags: ["erasure"],
        querystring: Type.Object({}, { additionalProperties: false }),
        response: { 200: Type.Object({ erasures: Type.Array(Done) }), ...problems(401, 403) },
      },
    },
    (request, reply) => reply.send({ erasures: erasuresFor(principalOf(request), eraser) }),
  );
}

/** A target names a person or records of any log: who does not see all sees what he erased himself. */
function erasuresFor({ name, scope }: Principal, eraser: Eraser): readonly Static<typeof Done>[] {
  return eraser
    .list()
    .filter(({ by }) => by === name || seesAllOf(scope, "*"))
    .map(({ id, at, by, approved_by: approvedBy, target, reason, items }) => {
      const { records, bodies, leaves } = countsOf(items, 0);
      return { id, at, by, approved_by: approvedBy, target, reason, records, bodies, leaves };
    });
}
