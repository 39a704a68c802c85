/** The examples in our own rules' files as whole records. */
import { formatReceivedAt, formatTimestamp } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { parseAllDocuments } from "yaml";

type Fields = Readonly<Record<string, unknown>>;

/** Records that together are one example, and whether the rule finds anything among them. */
export interface PackExample {
  readonly file: string;
  readonly matches: boolean;
  readonly records: readonly { readonly record: AuditRecord; readonly observed: Observed }[];
}

/** Further apart than any rule looks back. */
const APART_US = 86_400_000_000;
const SECOND_US = 1_000_000;

/** `startUs`: when the first example was; each later one is a day after. */
export function packExamples(
  files: readonly { readonly file: string; readonly text: string }[],
  startUs: number,
): readonly PackExample[] {
  let count = 0;
  return files.flatMap(({ file, text }) => {
    const { examples } = parseAllDocuments(text)[0]!.toJS() as {
      readonly examples: {
        readonly match: readonly (Fields | Fields[])[];
        readonly no_match: readonly (Fields | Fields[])[];
      };
    };
    return [
      ...examples.match.map((given) => ({ given, matches: true })),
      ...examples.no_match.map((given) => ({ given, matches: false })),
    ].map(({ given, matches }): PackExample => {
      const startsUs = startUs + APART_US * count++;
      const list = Array.isArray(given) ? given : [given];
      return {
        file,
        matches,
        records: list
          .flatMap(repeated)
          .map((fields, at) => recordOf(fields, startsUs + at * SECOND_US, `${count}-${at}`)),
      };
    });
  });
}

/** `times`: so many of it, `{i}` being the number of each. */
function repeated({ times = 1, ...fields }: Fields): readonly Fields[] {
  return Array.from(
    { length: times as number },
    (_, at) => JSON.parse(JSON.stringify(fields).replaceAll("{i}", String(at))) as Fields,
  );
}

function recordOf({ after_s: later = 0, ...fields }: Fields, us: number, id: string) {
  const atUs = us + (later as number) * SECOND_US;
  const seen = Object.entries(fields).flatMap(([name, value]) =>
    name.startsWith("observed.") ? [[name.slice(9), value]] : [],
  );
  const own = Object.entries(fields).filter(([name]) => !name.startsWith("observed."));
  const record = {
    id: `00000000-0000-7000-8000-${id.replace("-", "").padStart(12, "0")}`,
    timestamp: formatTimestamp(atUs),
    event_type: "API_CALL",
    phase: "outcome",
    side: "caller",
    service_id: "orders",
    target_id: "payments",
    recorder_id: "orders",
    request_id: `example-${id}`,
    attempt: 0,
    operation: "GET /payments/{id}",
    protocol: "http",
    status: "success",
    ...Object.fromEntries(own),
  } as unknown as AuditRecord;
  const observed = {
    received_at: formatReceivedAt(atUs),
    principal: "key:orders",
    standing: "authenticated",
    source_address: "10.0.0.7",
    intake: "json",
    ...Object.fromEntries(seen as [string, unknown][]),
  } as unknown as Observed;
  return { record, observed };
}
