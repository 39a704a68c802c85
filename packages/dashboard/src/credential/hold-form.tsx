import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { postJson } from "../client/api.ts";
import { Button } from "../page/button.tsx";
import { Dialog } from "../page/dialog.tsx";
import { Field, FormFault } from "../page/field.tsx";

interface HoldFormProps {
  readonly id: string;
  readonly query: string;
  readonly close: () => void;
}

/** Places a legal hold on all records that name the credential. */
export function HoldForm({ id, query, close }: HoldFormProps) {
  const [fields, setFields] = useState({
    name: `credential-${id.replace(/^sha256:/, "").slice(0, 8)}`,
    owner: "",
    reason: "",
  });
  const place = useMutation({ mutationFn: () => postJson("/api/holds", { ...fields, query }) });
  const isReady = Object.values(fields).every((value) => value.trim() !== "");
  const bind = (name: keyof typeof fields) => ({
    value: fields[name],
    onChange: (event: { readonly target: { readonly value: string } }) =>
      setFields({ ...fields, [name]: event.target.value }),
  });
  return (
    <Dialog close={close} label="Hold its records">
      <form
        className="flex flex-col gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault();
          place.mutate();
        }}
      >
        <h2 className="text-lg font-semibold">Hold its records</h2>
        {place.isSuccess ? (
          <p role="status">
            The hold is placed.{" "}
            <Link className="text-accent underline" search={{ tab: "holds" }} to="/keeping">
              All holds
            </Link>
          </p>
        ) : (
          <>
            <p className="text-quiet">
              Epochs that hold a record of this credential stay whole, whatever their retention says. Who placed it and
              why is recorded.
            </p>
            <Field label="Name" maxLength={63} {...bind("name")} />
            <Field hint="a person or a matter" label="Owner" maxLength={256} {...bind("owner")} />
            <Field label="Reason" maxLength={1_000} {...bind("reason")} />
            <FormFault error={place.error} />
          </>
        )}
        <div className="flex gap-2">
          {!place.isSuccess && (
            <Button disabled={!isReady || place.isPending} kind="main" type="submit">
              Place the hold
            </Button>
          )}
          <Button onClick={close}>{place.isSuccess ? "Close" : "Cancel"}</Button>
        </div>
      </form>
    </Dialog>
  );
}
