import type { InputHTMLAttributes, ReactNode } from "react";

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string;
  readonly hint?: ReactNode;
}

/** A box with its name above it. */
export function Field({ label, hint, className = "", ...rest }: FieldProps) {
  return (
    <label className={`block ${className}`}>
      {label}
      <input className="mt-1 block w-full rounded border border-line bg-raised px-3 py-1.5" {...rest} />
      {hint !== undefined && <span className="text-xs text-quiet">{hint}</span>}
    </label>
  );
}

/** Said under a form whose sending failed. */
export function FormFault({ error }: { readonly error: Error | null }) {
  return error === null ? null : (
    <p className="rounded bg-bad-ground px-3 py-2 text-bad" role="alert">
      {error.message}
    </p>
  );
}
