import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Session } from "../client/types.ts";
import { Button } from "../page/button.tsx";
import { Coded } from "../page/coded.tsx";
import { Dialog } from "../page/dialog.tsx";
import { PasswordForm } from "./password-form.tsx";

interface LoginAgainProps {
  readonly methods: Session["methods"];
  readonly retry: () => void;
}

/** The login ended while somebody worked: what is on the page and in its boxes stays, and is asked anew afterwards. */
export function LoginAgain({ methods, retry }: LoginAgainProps) {
  const queries = useQueryClient();
  useEffect(() => () => void queries.invalidateQueries(), [queries]);
  return (
    <Dialog close={retry} closable={false} label="Your login has ended">
      <div className="p-6">
        <h2 className="text-lg font-semibold">Your login has ended</h2>
        <p className="mt-2">Nothing on this page is lost. Log in, and go on where you were.</p>
        {methods.includes("oidc") && (
          <a
            className="mt-4 inline-block rounded border border-accent bg-accent-ground px-3 py-1.5 font-medium text-accent"
            href="/login/oidc"
            rel="noopener"
            target="_blank"
          >
            Log in with your organisation (in a new tab)
          </a>
        )}
        {methods.includes("password") && <PasswordForm done={retry} />}
        <p className="mt-4 text-quiet">
          <Coded text="Or open a one-time link (`tallystick login-link`) in another tab of this browser." />
        </p>
        <Button className="mt-4" onClick={retry}>
          I am logged in again
        </Button>
      </div>
    </Dialog>
  );
}
