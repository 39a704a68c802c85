/** What to do about it, in the words of those who run the fleet: a term of a list of facts, if there is one. */
export function Runbook({ url }: { readonly url: string | null }) {
  if (url === null) return null;
  return (
    <>
      <dt className="text-quiet">runbook</dt>
      <dd className="min-w-0 break-all">
        <a className="text-accent underline" href={url} rel="noreferrer">
          {url}
        </a>
      </dd>
    </>
  );
}
