import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { may } from "../access/permissions.ts";
import { APPROVABLE_ACTIONS } from "../control/approval.ts";
import type { Approval, Approvals } from "../control/approval.ts";
import type { Control } from "../control/control.ts";
import { TallystickError } from "../errors.ts";
import { seesAllOf } from "../search/scope.ts";
import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface ApprovalsRoutesParts {
  readonly control: Pick<Control, "approvals">;
  /** Carries out everything that is approved and not finished, and ends what was rejected. */
  readonly carryOut: () => Promise<void>;
}

const TAGS = ["approvals"];
const Time = Type.String({ format: "date-time" });
const orNull = <Schema extends ReturnType<typeof Type.String>>(schema: Schema) => Type.Union([schema, Type.Null()]);
const STATES = ["pending", "approved", "done", "failed", "rejected", "expired"] as const;

export const ApprovalSchema = Type.Object({
  id: Type.String(),
  action: Type.Enum([...APPROVABLE_ACTIONS]),
  target: Type.String({ description: "What it is done to." }),
  reason: Type.String(),
  state: Type.Enum([...STATES], { description: "pending: a second administrator must approve." }),
  proposed_by: Type.String(),
  proposed_at: Time,
  decided_by: orNull(Type.String()),
  decided_at: orNull(Time),
  outcome: orNull(Type.String()),
});

/** Actions that wait for a second person, and what became of them. */
export function approvalsRoutes(app: FastifyInstance, parts: ApprovalsRoutesParts): void {
  const { approvals } = parts.control;
  app.get(
    "/api/approvals",
    {
      config: { access: "audit", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "What was proposed, oldest first, and who may approve",
        tags: TAGS,
        querystring: query({ state: Type.Optional(Type.Enum([...STATES])) }),
        response: {
          200: Type.Object({ approvals: Type.Array(ApprovalSchema), approvers: Type.Array(Type.String()) }),
          ...problems(401, 403),
        },
      },
    },
    async (request: FastifyRequest<{ Querystring: { state?: Approval["state"] } }>, reply) => {
      const wanted = request.query.state;
      const { name, role, scope } = principalOf(request);
      // A proposal names people and services.
      const seesAll = may(role, "approve") || seesAllOf(scope, "*");
      const found = approvals
        .approvals()
        .filter(({ proposedBy }) => seesAll || proposedBy === name)
        .filter(({ state }) => wanted === undefined || state === wanted);
      return reply.send({ approvals: found.map(shownApproval), approvers: [...approvals.approvers()] });
    },
  );
  decisionRoute(app, "approve", "Approve what somebody else proposed, and carry it out", async (request) => {
    const approved = await approvals.decide(principalOf(request).name, idOf(request), "approved");
    await parts.carryOut();
    return approvals.approval(approved.id) ?? approved;
  });
  decisionRoute(app, "reject", "Reject a proposal, or take one's own back", async (request) => {
    const rejected = await reject(approvals, request);
    await parts.carryOut();
    return rejected;
  });
}

function decisionRoute(
  app: FastifyInstance,
  word: "approve" | "reject",
  summary: string,
  decide: (request: FastifyRequest) => Promise<Approval>,
): void {
  app.post(
    `/api/approvals/:id/${word}`,
    {
      config: { access: word === "approve" ? "approve" : "audit", reads: NOT_OF_THE_LOG },
      schema: {
        summary,
        tags: TAGS,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: ApprovalSchema, ...problems(401, 403, 404, 409, 503) },
      },
    },
    async (request) => shownApproval(await decide(request)),
  );
}

function reject(approvals: Approvals, request: FastifyRequest): Promise<Approval> {
  const { name } = principalOf(request);
  const approval = approvals.approval(idOf(request));
  const mayReject = approval?.proposedBy === name || approvals.approvers().includes(name);
  if (approval === null || mayReject) return approvals.decide(name, idOf(request), "rejected");
  throw new TallystickError("forbidden", "Who proposed it takes it back, or an administrator who approves rejects it.");
}

const idOf = (request: FastifyRequest): string => (request.params as { readonly id: string }).id;

export function shownApproval(approval: Approval): Static<typeof ApprovalSchema> {
  const { id, action, target, reason, state, outcome } = approval;
  return {
    id,
    action,
    target,
    reason,
    state,
    proposed_by: approval.proposedBy,
    proposed_at: approval.proposedAt,
    decided_by: approval.decidedBy,
    decided_at: approval.decidedAt,
    outcome,
  };
}
