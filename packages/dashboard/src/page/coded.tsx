/** A sentence in which what stands between backticks is code. */
export function Coded({ text }: { readonly text: string }) {
  return text.split("`").map((part, at) =>
    at % 2 === 0 ? (
      part
    ) : (
      <code className="font-mono text-xs" key={at}>
        {part}
      </code>
    ),
  );
}
