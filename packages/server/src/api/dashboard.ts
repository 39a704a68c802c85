/**
 * The dashboard's files, read once at start and served from memory: no path of a request ever reaches the disk.
 */
import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

import type { Disk } from "../disk/disk.ts";

export interface DashboardFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
}

/** By URL path; empty when the dashboard was not built. */
export type DashboardFiles = ReadonlyMap<string, DashboardFile>;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  txt: "text/plain; charset=utf-8",
  webmanifest: "application/manifest+json",
};

/** Scripts only from files of ours; styles may be set by code, as the virtualised table and the charts do. */
export const DASHBOARD_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
export const API_CSP = "default-src 'none'; frame-ancestors 'none'";

export async function readDashboard(disk: Disk, folder: string): Promise<DashboardFiles> {
  const files = new Map<string, DashboardFile>();
  await addFolder(disk, folder, "/", files);
  return files;
}

async function addFolder(disk: Disk, folder: string, prefix: string, files: Map<string, DashboardFile>): Promise<void> {
  for (const name of await disk.list(folder)) {
    if (name.endsWith("/")) await addFolder(disk, `${folder}/${name.slice(0, -1)}`, `${prefix}${name}`, files);
    else {
      const bytes = await disk.readFile(`${folder}/${name}`);
      if (bytes !== null && !name.endsWith(".map")) files.set(prefix + name, fileOf(prefix, name, bytes));
    }
  }
}

function fileOf(prefix: string, name: string, bytes: Uint8Array): DashboardFile {
  return {
    bytes: Buffer.from(bytes),
    type: TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 27)}"`,
    // The build puts a hash in the names below assets/.
    cacheControl: prefix.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
  };
}

/** Addresses of the dashboard's own, which are its entry page; a view is a part of the query. */
const PAGES: ReadonlySet<string> = new Set([
  "/",
  "/device",
  "/search",
  "/service",
  "/call",
  "/trace",
  "/credential",
  "/map",
  "/tally",
  "/producers",
  "/integrity",
  "/access",
  "/keeping",
  "/rule",
  "/settings",
  "/alerts",
  "/rules",
]);
const ENTRY = "/index.html";

/** A file, or the entry page for whoever takes HTML; null when the request is not the dashboard's. */
export function dashboardFile(files: DashboardFiles, request: FastifyRequest): DashboardFile | null {
  if (request.method !== "GET" && request.method !== "HEAD") return null;
  const path = request.url.split("?", 1)[0]!;
  const isShown = PAGES.has(path) && takesHtml(request.headers.accept);
  if (isShown) return files.get(ENTRY) ?? null;
  return path === ENTRY ? null : (files.get(path) ?? null);
}

function takesHtml(accept: string | undefined): boolean {
  return accept === undefined || /(^|[\s,])(text\/html|text\/\*|\*\/\*)/i.test(accept);
}

export function sendDashboardFile(request: FastifyRequest, reply: FastifyReply, file: DashboardFile): FastifyReply {
  reply
    .header("content-security-policy", DASHBOARD_CSP)
    .header("cache-control", file.cacheControl)
    .header("etag", file.etag);
  if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
  return reply.code(200).type(file.type).send(file.bytes);
}
