import { linkOptions } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { shortId } from "./format.ts";
import { PageLink } from "./page-link.tsx";

export const LINK = "text-accent underline decoration-line underline-offset-2 hover:decoration-accent";

interface NamedProps {
  readonly children?: ReactNode;
  readonly className?: string;
}

export function ServiceLink({ name, children, className = "" }: NamedProps & { readonly name: string }) {
  return (
    <PageLink className={`${LINK} ${className}`} target={linkOptions({ to: "/service", search: { name } })}>
      {children ?? name}
    </PageLink>
  );
}

export function CallLink({ id, children, className = "" }: NamedProps & { readonly id: string }) {
  return (
    <PageLink className={`${LINK} ${className}`} target={linkOptions({ to: "/call", search: { id } })}>
      {children ?? shortId(id)}
    </PageLink>
  );
}

/** `call`: the call that stands out in the trace. */
export function TraceLink(props: NamedProps & { readonly id: string; readonly call?: string }) {
  const { id, call, children, className = "" } = props;
  return (
    <PageLink className={`${LINK} ${className}`} target={linkOptions({ to: "/trace", search: { id, call } })}>
      {children ?? shortId(id)}
    </PageLink>
  );
}

export function CredentialLink({ id, children, className = "" }: NamedProps & { readonly id: string }) {
  return (
    <PageLink
      className={`font-mono ${LINK} ${className}`}
      target={linkOptions({ to: "/credential", search: { id } })}
      title={id}
    >
      {children ?? shortId(id)}
    </PageLink>
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
    <PageLink
      className={`${LINK} ${className}`}
      target={linkOptions({ to: "/search", search: { q, from, to, record, own: own === true ? true : undefined } })}
    >
      {children}
    </PageLink>
  );
}

/** What happened to the log itself: opened, cut, deleted, keys that followed each other; of our own records. */
export const LIFE_OF_LOG = 'event_type:LOG_LIFECYCLE AND service_id:tallystick AND -operation:"control snapshot"';

/** A term that finds exactly this value. */
export function term(field: string, value: string): string {
  return `${field}:"${value.replaceAll(/(["\\])/g, "\\$1")}"`;
}
