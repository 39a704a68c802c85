import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { shortId } from "./format.ts";

const LOOK = "text-accent underline decoration-line underline-offset-2 hover:decoration-accent";

interface NamedProps {
  readonly children?: ReactNode;
  readonly className?: string;
}

export function ServiceLink({ name, children, className = "" }: NamedProps & { readonly name: string }) {
  return (
    <Link className={`${LOOK} ${className}`} search={{ name }} to="/service">
      {children ?? name}
    </Link>
  );
}

export function CallLink({ id, children, className = "" }: NamedProps & { readonly id: string }) {
  return (
    <Link className={`${LOOK} ${className}`} search={{ id }} to="/call">
      {children ?? shortId(id)}
    </Link>
  );
}

/** `call`: the call that stands out in the trace. */
export function TraceLink(props: NamedProps & { readonly id: string; readonly call?: string }) {
  const { id, call, children, className = "" } = props;
  return (
    <Link className={`${LOOK} ${className}`} search={call === undefined ? { id } : { id, call }} to="/trace">
      {children ?? shortId(id)}
    </Link>
  );
}

export function CredentialLink({ id, children, className = "" }: NamedProps & { readonly id: string }) {
  return (
    <Link className={`font-mono ${LOOK} ${className}`} search={{ id }} title={id} to="/credential">
      {children ?? shortId(id)}
    </Link>
  );
}

interface SearchLinkProps extends NamedProps {
  readonly q: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly own?: boolean;
  readonly record?: string;
}

export function SearchLink({ q, from, to, own, record, children, className = "" }: SearchLinkProps) {
  return (
    <Link
      className={`${LOOK} ${className}`}
      search={{ q, from, to, record, own: own === true ? true : undefined }}
      to="/search"
    >
      {children}
    </Link>
  );
}

/** What happened to the log itself: opened, cut, deleted, keys that followed each other; of our own records. */
export const LIFE_OF_LOG = 'event_type:LOG_LIFECYCLE AND service_id:tallystick AND -operation:"control snapshot"';

/** A term that finds exactly this value. */
export function term(field: string, value: string): string {
  return `${field}:"${value.replaceAll(/(["\\])/g, "\\$1")}"`;
}
