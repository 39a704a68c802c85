import { ApiProblem } from "../client/api.ts";
import { Button } from "./button.tsx";

/** What went wrong, what to do, and a way on. A fault in the query is shown under the query box too. */
export function ProblemView({ problem, retry }: { readonly problem: Error; readonly retry: () => void }) {
  if (problem instanceof ApiProblem && problem.status === 403)
    return <NotForYou hint={problem.hint} says={problem.message} />;
  const hint = problem instanceof ApiProblem ? problem.hint : null;
  return (
    <div className="grid grow place-items-center text-center" role="alert">
      <div className="max-w-xl p-6">
        <p className="text-base font-medium text-bad">{problem.message}</p>
        {hint !== null && <p className="mt-2 text-quiet">{hint}</p>}
        <Button className="mt-4" onClick={retry}>
          Try again
        </Button>
      </div>
    </div>
  );
}

/** Not a fault: this is for others. Whom to ask stands in the hint, so nobody tries again and again. */
export function NotForYou({ says, hint = null }: { readonly says: string; readonly hint?: string | null }) {
  return (
    <div className="grid grow place-items-center text-center" role="status">
      <div className="max-w-xl p-6">
        <p className="font-medium">Not for your role</p>
        <p className="mt-1 text-quiet">{says}</p>
        {hint !== null && <p className="mt-1 text-quiet">{hint}</p>}
      </div>
    </div>
  );
}
