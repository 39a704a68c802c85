import type { Session } from "../client/types.ts";
import { Button } from "../page/button.tsx";
import { Coded } from "../page/coded.tsx";
import { PasswordForm } from "./password-form.tsx";
import { returnAddress } from "./return-address.ts";

interface LoginPageProps {
  readonly methods: Session["methods"];
  readonly retry: () => void;
}

/** How to get in. The address stays as it is, so that the view is there after the login. */
export function LoginPage({ methods, retry }: LoginPageProps) {
  const used = new URLSearchParams(location.search).get("login") === "expired";
  return (
    <main className="grid h-full place-items-center p-6">
      <div className="max-w-lg rounded border border-line bg-raised p-6">
        <h1 className="text-lg font-semibold">Log in</h1>
        {used && (
          <p className="mt-2 rounded bg-warn-ground px-3 py-2 text-warn" role="alert">
            That link was used already, or is too old. A fresh one works.
          </p>
        )}
        {methods.includes("oidc") && (
          <a
            className="mt-4 inline-block rounded border border-accent bg-accent-ground px-3 py-1.5 font-medium text-accent"
            href="/login/oidc"
            onClick={() => returnAddress.keep()}
          >
            Log in with your organisation
          </a>
        )}
        {methods.includes("password") && <PasswordForm done={retry} />}
        <p className="mt-4">A login link works once. Print one where the server runs:</p>
        <pre className="mt-2 overflow-x-auto rounded border border-line bg-ground px-3 py-2 font-mono">
          npx tallystick login-link --data ./tallystick-data
        </pre>
        <p className="mt-3 text-quiet">
          <Coded text="`npm start` prints one too. Open it in this browser, then come back to this page." />
        </p>
        <Button className="mt-4" onClick={retry}>
          I have opened it
        </Button>
      </div>
    </main>
  );
}
