import type { RecordWithProof } from "./use-record.ts";
import { BodyView } from "./body-view.tsx";
import { bodyFacts } from "./use-body.ts";

/** The sealed bodies of a record, as far as any are kept. */
export function Bodies({ stored }: { readonly stored: RecordWithProof["stored"] }) {
  const { tree, leaf_index: index, record } = stored;
  return (["request", "response"] as const).map((part) => {
    const facts = bodyFacts(record.attributes, part);
    const commitment = record[`${part}_payload`];
    if (facts === null || commitment === undefined) return null;
    return <BodyView commitment={commitment} facts={facts} key={part} part={part} record={`${tree}/${index}`} />;
  });
}
