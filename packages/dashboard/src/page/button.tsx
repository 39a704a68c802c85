import type { ButtonHTMLAttributes } from "react";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: "main" | "plain" | "danger";
}

const LOOKS = {
  main: "border-accent bg-accent-ground font-medium text-accent",
  plain: "border-line bg-raised text-ink hover:border-quiet",
  danger: "border-bad bg-bad-ground font-medium text-bad",
} as const;

export function Button({ kind = "plain", className = "", type = "button", ...rest }: ButtonProps) {
  const look = `cursor-pointer rounded border px-3 py-1.5 whitespace-nowrap disabled:cursor-not-allowed disabled:opacity-55`;
  return <button className={`${look} ${LOOKS[kind]} ${className}`} type={type} {...rest} />;
}
