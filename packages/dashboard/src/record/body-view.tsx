import { useState } from "react";
import { Button } from "../page/button.tsx";
import { formatCount } from "../page/format.ts";
import { ProblemView } from "../page/problem-view.tsx";
import { useMay, useWho } from "../page/who.ts";
import { useBody, type BodyFacts, type OpenedBody, type Part } from "./use-body.ts";

interface BodyViewProps {
  /** `<tree>/<index>`. */
  readonly record: string;
  readonly part: Part;
  readonly facts: BodyFacts;
  /** As the record has it. */
  readonly commitment: string;
}

const TITLES: Readonly<Record<Part, string>> = { request: "Request body", response: "Response body" };

/** A sealed body: what is kept of it, and, for a reason that is recorded, the body itself. */
export function BodyView({ record, part, facts, commitment }: BodyViewProps) {
  const [reason, setReason] = useState("");
  const mayOpen = useMay("payloads");
  const { role } = useWho();
  const body = useBody(record, part, commitment);
  return (
    <section aria-label={TITLES[part]}>
      <h2 className="mb-1 text-xs font-semibold text-quiet">{TITLES[part]}: sealed apart</h2>
      <p className="font-mono text-xs">{described(facts)}</p>
      {body.data === undefined && !mayOpen && (
        <p className="mt-2 text-quiet">Your role, {role}, does not open bodies; an investigator does.</p>
      )}
      {body.data === undefined && mayOpen && (
        <form
          className="mt-2 flex gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            body.mutate(reason);
          }}
        >
          <input
            aria-label={`Reason to open the ${part} body`}
            className="min-w-0 grow rounded border border-line bg-raised px-2 py-1.5"
            maxLength={1_000}
            onChange={(event) => setReason(event.target.value)}
            placeholder="Why do you open it? The reason is recorded."
            value={reason}
          />
          <Button disabled={reason.trim() === "" || body.isPending} type="submit">
            Open
          </Button>
        </form>
      )}
      {body.error !== null && <ProblemView problem={body.error} retry={() => body.mutate(reason)} />}
      {body.data !== undefined && <Opened body={body.data} />}
    </section>
  );
}

function Opened({ body }: { readonly body: OpenedBody }) {
  if (body.text === undefined) {
    return <p className="mt-2 text-quiet">Only its salted digest was kept: salt {body.salt}.</p>;
  }
  return (
    <>
      <p className={body.isProven ? "mt-2 text-good" : "mt-2 font-medium text-bad"} role="status">
        {body.isProven ? "It gives the record's commitment." : "It does NOT give the record's commitment."}
      </p>
      <pre className="mt-1 max-h-96 overflow-auto rounded border border-line bg-ground p-2 font-mono text-xs break-all whitespace-pre-wrap">
        {body.text}
      </pre>
    </>
  );
}

function described({ content_type: type, kept, size, redacted, cut_from: cutFrom, reason }: BodyFacts): string {
  const parts = [type, `${formatCount(size)} bytes`];
  if (kept === "digest") parts.push(reason === undefined ? "digest only" : `digest only (${reason})`);
  if (redacted !== undefined) parts.push(`${formatCount(redacted)} taken out`);
  if (cutFrom !== undefined) parts.push(`cut from ${formatCount(cutFrom)}`);
  return parts.join(" · ");
}
