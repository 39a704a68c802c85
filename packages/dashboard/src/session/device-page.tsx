import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";
import { postJson } from "../client/api.ts";
import { Button } from "../page/button.tsx";

interface Decision {
  readonly user_code: string;
  readonly allow: boolean;
}

/** Lets a command line in as oneself, after the code was compared. */
export function DevicePage() {
  const [code, setCode] = useState(() => new URLSearchParams(location.search).get("code") ?? "");
  const decision = useMutation({
    mutationFn: (fields: Decision) => postJson<{ readonly address: string }>("/api/device/decision", fields),
  });
  const decide = (allow: boolean) => decision.mutate({ user_code: code, allow });
  if (decision.isSuccess)
    return (
      <Box title={decision.variables.allow ? "The device is let in" : "The device was refused"}>
        <p className="mt-3">It asked from {decision.data?.address}. You may close this page.</p>
      </Box>
    );
  return (
    <Box title="Let a device in?">
      <p className="mt-3">
        Somebody ran `tallystick login`. If that was you, and it shows this code, let it in; it may then do whatever you
        may, until its session ends.
      </p>
      <label className="mt-3 block">
        Code
        <input
          autoCapitalize="characters"
          className="mt-1 block w-full rounded border border-line bg-ground px-3 py-1.5 font-mono"
          maxLength={32}
          onChange={(event) => setCode(event.target.value)}
          value={code}
        />
      </label>
      {decision.error !== null && (
        <p className="mt-3 rounded bg-warn-ground px-3 py-2 text-warn" role="alert">
          {decision.error.message}
        </p>
      )}
      <div className="mt-4 flex gap-2">
        <Button disabled={code === "" || decision.isPending} kind="main" onClick={() => decide(true)}>
          Let it in
        </Button>
        <Button disabled={code === "" || decision.isPending} onClick={() => decide(false)}>
          Refuse
        </Button>
      </div>
    </Box>
  );
}

function Box({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <main className="grid h-full place-items-center p-6">
      <div className="max-w-lg rounded border border-line bg-raised p-6">
        <h1 className="text-lg font-semibold">{title}</h1>
        {children}
      </div>
    </main>
  );
}
