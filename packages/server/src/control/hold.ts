import type { Scope } from "../search/scope.ts";

/** A legal hold: records that must not go, whatever their retention says. */
export interface NewHold {
  readonly name: string;
  /** Which records: a query of the search language. A subject is one, `subject_refs:REF`. */
  readonly query: string;
  /** Only in these logs; null: in all. */
  readonly logs: readonly string[] | null;
  /** Only what whoever placed it could see then. */
  readonly scope: Scope;
  /** Who answers for it, as a person or a matter. */
  readonly owner: string;
  readonly reason: string;
}

export interface Hold extends NewHold {
  readonly id: string;
  readonly placedBy: string;
  readonly placedAt: string;
  /** Null while it holds. */
  readonly releasedAt: string | null;
  readonly releasedBy: string | null;
}

export interface Holds {
  /** In force when it returns. TallystickError `name_taken`, `bad_request`. */
  place(by: string, request: NewHold): Promise<Hold>;
  /** What a second person agreed to, where one was needed. Null when there is no such hold; released again is the same. */
  release(by: string, id: string): Promise<Hold | null>;
  find(id: string): Hold | null;
  /** In the order in which they were placed; released ones too. */
  list(): readonly Hold[];
  /** Those that hold the log. */
  on(log: string): readonly Hold[];
}
