interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly (readonly [Name, string])[];
  readonly chosen: Name;
  readonly choose: (name: Name) => void;
}

const TAB =
  "cursor-pointer border-b-2 border-transparent px-1 py-2 text-quiet hover:text-ink aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink";

/** The parts of a screen that is too much for one page; which one is open stands in the address. */
export function Tabs<Name extends string>({ label, tabs, chosen, choose }: TabsProps<Name>) {
  return (
    <nav aria-label={label} className="flex flex-wrap gap-x-5 border-b border-line">
      {tabs.map(([name, title]) => (
        <button
          aria-current={name === chosen ? "page" : undefined}
          className={TAB}
          key={name}
          onClick={() => choose(name)}
          type="button"
        >
          {title}
        </button>
      ))}
    </nav>
  );
}

export function tabOf<Name extends string>(
  tabs: readonly (readonly [Name, string])[],
  wanted: string | undefined,
): Name {
  const [first] = tabs;
  const found = tabs.find(([name]) => name === wanted) ?? first;
  if (found === undefined) throw new Error("there is no tab");
  return found[0];
}
