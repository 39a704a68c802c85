interface FieldListProps {
  readonly title: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly search: (q: string) => void;
}

/** Names and values, every value plain text; a click on one searches for it. */
export function FieldList({ title, fields, search }: FieldListProps) {
  return (
    <section>
      <h2 className="mb-1 text-xs font-semibold text-quiet">{title}</h2>
      <dl className="grid grid-cols-[minmax(9rem,auto)_1fr] gap-x-4 gap-y-0.5 font-mono text-xs">
        {Object.entries(fields).map(([name, value]) => (
          <div className="contents" key={name}>
            <dt className="py-0.5 text-quiet">{name}</dt>
            <dd className="min-w-0">
              <button
                className="max-w-full cursor-pointer rounded px-1 py-0.5 text-left break-all hover:bg-raised hover:text-accent"
                onClick={() => search(term(name, value))}
                title="Search for this value"
                type="button"
              >
                {shown(value)}
              </button>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : JSON.stringify(value);
}

function term(name: string, value: unknown): string {
  const text = String(Array.isArray(value) ? (value[0] ?? "") : value);
  return `${name}:"${text.replaceAll(/(["\\])/g, "\\$1")}"`;
}
