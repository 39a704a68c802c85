import { ownName, renamedCalls } from "../call-names.ts";
import type { Party } from "../call-names.ts";
import { queryField } from "../language/query-fields.ts";
import type { SearchColumn } from "./column.ts";
import type { CompileContext } from "./context.ts";

export function isParty(name: string): name is Party {
  return name === "caller" || name === "callee";
}

/**
 * A condition on a resolved name. Few calls go by another name than their records do: only those are looked at, and
 * of all other records the own name decides.
 */
export function compileResolved(
  party: Party,
  condition: (column: SearchColumn) => string,
  context: CompileContext,
): string {
  const { params, names, period } = context;
  const own = condition(nameColumn(party, ownName(party, names, params)));
  const such = renamedCalls(party, names, period, params);
  if (such === null) return own;
  const isSuch = condition(nameColumn(party, party));
  return (
    `call_key IN (SELECT call_key ${such} WHERE ${isSuch}) OR ` +
    `((${own}) AND call_key NOT IN (SELECT call_key ${such} WHERE NOT (${isSuch})))`
  );
}

function nameColumn(party: Party, sql: string): SearchColumn {
  return {
    field: queryField(party)!,
    shape: "name",
    sql,
    shown: sql,
    rangeless: false,
    required: true,
    computed: true,
  };
}
