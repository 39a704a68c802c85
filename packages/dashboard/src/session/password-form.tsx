import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { postJson } from "../client/api.ts";
import { Button } from "../page/button.tsx";

/** Name and password of a user of this server; what was typed is kept nowhere. */
export function PasswordForm({ done }: { readonly done: () => void }) {
  const login = useMutation({
    mutationFn: (fields: { readonly name: string; readonly password: string }) => postJson("/api/session", fields),
    onSuccess: done,
  });
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    login.mutate({ name: textOf(fields.get("name")), password: textOf(fields.get("password")) });
  };
  const field = "mt-1 block w-full rounded border border-line bg-ground px-3 py-1.5";
  return (
    <form className="mt-4 border-b border-line pb-4" onSubmit={send}>
      <label className="block">
        Name
        <input autoComplete="username" className={field} maxLength={63} name="name" required />
      </label>
      <label className="mt-3 block">
        Password
        <input autoComplete="current-password" className={field} name="password" required type="password" />
      </label>
      {login.error !== null && (
        <p className="mt-3 rounded bg-warn-ground px-3 py-2 text-warn" role="alert">
          {login.error.message}
        </p>
      )}
      <Button className="mt-4" disabled={login.isPending} kind="main" type="submit">
        Log in
      </Button>
    </form>
  );
}

function textOf(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}
