import type { ButtonHTMLAttributes } from "react";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: "main" | "plain";
}

export function Button({ kind = "plain", className = "", type = "button", ...rest }: ButtonProps) {
  const look =
    kind === "main" ? "border-accent bg-accent-ground font-medium text-accent" : "border-line bg-raised text-ink";
  return <button className={`cursor-pointer rounded border px-3 py-1.5 ${look} ${className}`} type={type} {...rest} />;
}
