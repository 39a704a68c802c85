/** SMTP by nodemailer, to an address that the guard admits. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import nodemailer from "nodemailer";

import type { AddressGuard } from "./address-guard.ts";
import type { Secret } from "./channel.ts";
import type { Mail, SendMail } from "./email.ts";

const TIMEOUT_MS = 15_000;

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else STARTTLS, which `requireTls` insists on. */
  readonly secure: boolean;
  readonly requireTls: boolean;
  readonly user: string;
  readonly password: Secret | null;
  /** PEM of an authority of one's own. */
  readonly ca: string | null;
}

/** A connection for each mail: there are few. */
export function mailSender(server: MailServer, guard: AddressGuard): SendMail {
  return async (mail) => {
    const { host, port, secure, requireTls, user, password, ca } = server;
    const transport = nodemailer.createTransport({
      // The address that was looked at is the one that is connected to; the certificate is still the name's.
      host: await admitted(host, guard),
      port,
      secure,
      requireTLS: requireTls,
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
      tls: { servername: isIP(host) === 0 ? host : "", ...(ca === null ? {} : { ca }) },
      ...(password === null ? {} : { auth: { user, pass: await password() } }),
    });
    try {
      await transport.sendMail(sent(mail));
    } finally {
      transport.close();
    }
  };
}

function sent({ from, to, subject, text, messageId, inReplyTo }: Mail) {
  return { from, to: [...to], subject, text, messageId, inReplyTo, references: inReplyTo };
}

async function admitted(host: string, guard: AddressGuard): Promise<string> {
  const addresses = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }];
  const [first] = addresses;
  if (first !== undefined && addresses.every(({ address }) => guard.admits(address))) return first.address;
  throw new Error(
    `${host} is a private, loopback or link-local address, or its name leads there; alerts.allow_private can allow it.`,
  );
}
