/**
 * `server.json`, the name plate of a data folder: its format, the server origin (fixed for the life of the folder,
 * since every tree's origin and key name begin with it) and when it was made. Its last field is a checksum over the
 * others; it is written once.
 */
import { createHash } from "node:crypto";
import { TallystickError } from "../errors.ts";
import type { Disk } from "./disk.ts";

export const SERVER_FILE = "server.json";
const FOLDER_FORMAT = 1;
const MAX_BYTES = 4_096;

export interface ServerFile {
  readonly format: typeof FOLDER_FORMAT;
  readonly origin: string;
  /** RFC 3339 UTC. */
  readonly createdAt: string;
}

/**
 * Null when absent. A file of a newer format, or one that is not exactly what was written, is a `folder_format`
 * error.
 */
export async function readServerFile(disk: Disk, folder: string): Promise<ServerFile | null> {
  const path = `${folder}/${SERVER_FILE}`;
  const bytes = await disk.readFile(path);
  if (bytes === null) return null;
  const text = bytes.length <= MAX_BYTES ? Buffer.from(bytes).toString("utf8") : "";
  const fields = fieldsOf(text);
  const format = fields["format"];
  if (typeof format === "number" && Number.isSafeInteger(format) && format > FOLDER_FORMAT) throw newer(path, format);
  const { origin, created_at: createdAt } = fields;
  if (typeof origin !== "string" || typeof createdAt !== "string") throw damaged(path);
  const file: ServerFile = { format: FOLDER_FORMAT, origin, createdAt };
  if (textOf(file) !== text) throw damaged(path);
  return file;
}

/** Durable when it returns. */
export async function writeServerFile(
  disk: Disk,
  folder: string,
  file: Omit<ServerFile, "format">,
): Promise<ServerFile> {
  const whole: ServerFile = { format: FOLDER_FORMAT, ...file };
  await disk.replaceFile(`${folder}/${SERVER_FILE}`, Buffer.from(textOf(whole)));
  return whole;
}

function textOf({ format, origin, createdAt }: ServerFile): string {
  const rest = JSON.stringify({ format, origin, created_at: createdAt });
  const check = createHash("sha256").update(rest).digest("hex");
  return `${rest.slice(0, -1)},"check":"${check}"}\n`;
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function newer(path: string, format: number): TallystickError {
  return new TallystickError(
    "folder_format",
    `${path} has format ${format}; this version reads format ${FOLDER_FORMAT}`,
    {
      hint: "Use the version that made the folder, or a newer one.",
      at: { file: path, format },
    },
  );
}

function damaged(path: string): TallystickError {
  return new TallystickError("folder_format", `${path} is not what was written at the folder's first start`, {
    hint: "Bring the file back from a backup; its origin and time are part of every tree's name.",
    at: { file: path },
  });
}
