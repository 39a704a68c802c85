import { Type } from "typebox";
import type { FastifyReply } from "fastify";

/** What every question to the index may say; the names are those of `search/`. */
export const QUESTION = {
  q: Type.Optional(
    Type.String({ description: "Query, as service_id:payments AND status:(error OR denied); empty and * mean all." }),
  ),
  from: Type.Optional(Type.String({ description: "Inclusive; RFC 3339, a date, or now-15m." })),
  to: Type.Optional(Type.String({ description: "Exclusive." })),
  time: Type.Optional(
    Type.Enum(["timestamp", "received_at"], { description: "Which time from, to and the order mean." }),
  ),
  own: Type.Optional(
    Type.Boolean({
      description: "With Tallystick's own records; those of an event_type that the query names are there anyway.",
    }),
  ),
};

export interface QuestionParameters {
  readonly q?: string;
  readonly from?: string;
  readonly to?: string;
  readonly time?: "timestamp" | "received_at";
  readonly own?: boolean;
}

export const ORDER = Type.Optional(Type.Enum(["newest", "oldest", "desc", "asc"], { default: "newest" }));
export const CURSOR = Type.Optional(
  Type.String({ description: "`next` of the page before, with the same question otherwise." }),
);

export function orderOf(order: string | undefined): "newest" | "oldest" {
  return order === "oldest" || order === "asc" ? "oldest" : "newest";
}

const Notes = Type.Array(Type.Object({}, { additionalProperties: true }));

/** What an answer of the index cost, and whether it is whole. */
export const COST = {
  elapsed_ms: Type.Number(),
  scanned_rows: Type.Integer(),
  partial: Type.Boolean({
    description: "True when a limit cut the answer, or the index does not hold everything at the moment.",
  }),
  notes: Type.Optional(Notes),
};

/** Aborts when the reader goes away before the answer is out, so that nobody's query runs on. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
