/** What stands in an address is text, of names that the screen knows. */
export type Texts<Name extends string> = { readonly [Key in Name]?: string | undefined };

export function texts<Name extends string>(...names: readonly Name[]) {
  return (input: Readonly<Record<string, unknown>>): Texts<Name> => {
    const known = names.map((name) => [name, input[name]] as const).filter(([, value]) => typeof value === "string");
    return Object.fromEntries(known) as Texts<Name>;
  };
}
