import { withQuery } from "../client/api.ts";
import { Popover } from "../page/popover.tsx";
import { bounds, type SearchState } from "./search-state.ts";

const FORMATS: readonly (readonly [string, string, boolean])[] = [
  ["ndjson", "NDJSON", false],
  ["ndjson", "NDJSON with proofs", true],
  ["csv", "CSV", false],
  ["xml", "XML", false],
];

/** The whole result as a file, streamed by the server; that it was taken is a record. */
export function ExportMenu({ state }: { readonly state: SearchState }) {
  const { from, to } = bounds(state);
  return (
    <Popover className="w-64" label="Export">
      {(close) => (
        <>
          <ul>
            {FORMATS.map(([format, title, proofs]) => (
              <li key={title}>
                <a
                  className="block rounded px-2 py-1 hover:bg-raised"
                  download={`tallystick-export.${format}`}
                  href={withQuery("/api/export", { q: state.q, from, to, own: state.own, format, proofs })}
                  onClick={close}
                >
                  {title}
                </a>
              </li>
            ))}
          </ul>
          <p className="mt-2 px-2 text-xs text-quiet">
            Every record that matches, not only those loaded here. It is recorded who takes it.
          </p>
        </>
      )}
    </Popover>
  );
}
