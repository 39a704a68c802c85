/**
 * The part of ClickHouse's HTTP protocol that our client uses: ping, query, insert, kill. Everything else is refused.
 * Answers to queries in a row format are streamed in blocks with back-pressure, unless the request says
 * `wait_end_of_query=1`; a fault after the first block is told the way ClickHouse tells it, as a tagged exception at
 * the end of the body.
 */
import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { ENGINE_MAX_STATEMENT_BYTES } from "../limits.ts";
import { DERIVER_SESSION } from "../session-names.ts";
import { memoryFile } from "./memory-file.ts";
import { EngineBusy, StatementCancelled } from "./sessions.ts";
import type { Engine, EngineSession, SessionPool } from "./sessions.ts";
import { settingsOf } from "./settings.ts";
import {
  checkQuery,
  derivesRows,
  insertFrom,
  killedQueryId,
  renderParameters,
  splitFormat,
  StatementFault,
  verbOf,
} from "./statement.ts";

const STREAMED_FORMATS: ReadonlySet<string> = new Set(["JSONEachRow", "JSONCompactEachRow"]);

interface Request {
  readonly sql: string;
  readonly id: string;
  readonly parameters: URLSearchParams;
  readonly settings: ReadonlyMap<string, string>;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

export function engineServer(engine: Engine, password: string): Server {
  const expected = Buffer.from(`Basic ${Buffer.from(`default:${password}`).toString("base64")}`);
  // The client sends parameters in the address, a page's keys among them; ClickHouse itself takes 1 MiB there.
  const server = createServer({ maxHeaderSize: ENGINE_MAX_STATEMENT_BYTES }, (message, response) => {
    const given = Buffer.from(message.headers.authorization ?? "");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      fail(response, 403, 516, "AUTHENTICATION_FAILED", "authentication failed");
      message.resume();
      return;
    }
    answer(engine, message, response).catch((error: unknown) => failed(response, error));
  });
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  return server;
}

async function answer(engine: Engine, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(message.url ?? "/", "http://engine");
  if (url.pathname === "/ping") {
    response.end("Ok.\n");
    return;
  }
  const inUrl = url.searchParams.get("query");
  const sql = inUrl ?? (await readText(message));
  const verb = verbOf(sql);
  const id = url.searchParams.get("query_id") ?? randomUUID();
  const request = { sql, id, parameters: url.searchParams, settings: settingsOf(url.searchParams), message, response };
  switch (verb) {
    case "insert":
      return derivesRows(sql)
        ? command(engine, { ...request, sql: checkedText(engine, request) })
        : insert(engine, request);
    case "kill":
      engine.kill(killedQueryId(sql)).catch(() => {});
      response.end();
      return;
    case "command":
      return command(engine, request);
    case "query":
      return query(engine, request);
  }
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ENGINE_MAX_STATEMENT_BYTES) throw new StatementFault("the statement is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function insert(engine: Engine, request: Request): Promise<void> {
  const file = memoryFile();
  try {
    for await (const chunk of request.message as AsyncIterable<Buffer>) file.append(chunk);
    const sql = insertFrom(request.sql, file.path);
    await engine.writer.use(request.id, async (session) => {
      await session.prepare(request.id, request.settings);
      await session.run(sql);
    });
  } finally {
    file.close();
  }
  request.response.end();
}

async function command(engine: Engine, request: Request): Promise<void> {
  const bytes = await sessionsFor(engine, request, engine.writer).use(request.id, async (session) => {
    await session.prepare(request.id, request.settings);
    return session.run(request.sql);
  });
  request.response.end(bytes);
}

/** Sessions that write are asked for by name. */
function sessionsFor(engine: Engine, { parameters }: Request, unnamed: SessionPool): SessionPool {
  const name = parameters.get("session_id");
  if (name === null) return unnamed;
  return name.startsWith(DERIVER_SESSION) ? engine.derivers : engine.writer;
}

/** The statement with its parameters in place, after the check that it stays within the tables. */
function checkedText(engine: Engine, { sql, parameters: given }: Request): string {
  const parameters = new Map<string, string>();
  for (const [name, value] of given) if (name.startsWith("param_")) parameters.set(name.slice("param_".length), value);
  checkQuery(sql, engine.refusedFunctions);
  return renderParameters(sql, parameters);
}

async function query(engine: Engine, request: Request): Promise<void> {
  const sql = checkedText(engine, request);
  const { format } = splitFormat(sql);
  const streamed =
    format !== null && STREAMED_FORMATS.has(format) && request.parameters.get("wait_end_of_query") !== "1";
  const gone = (): void => {
    if (!request.response.writableFinished) engine.kill(request.id).catch(() => {});
  };
  request.response.once("close", gone);
  await sessionsFor(engine, request, engine.readers).use(request.id, async (session) => {
    let plain = false;
    try {
      await session.prepare(request.id, request.settings);
      if (request.response.destroyed) throw new StatementCancelled();
      if (streamed) await stream(session, sql, request.response);
      else request.response.end(await session.run(sql));
      plain = !streamed;
    } finally {
      if (!plain) await session.letGo();
    }
  });
}

async function stream(session: EngineSession, statement: string, response: ServerResponse): Promise<void> {
  const { sql, format } = splitFormat(statement);
  const tag = randomBytes(8).toString("hex");
  response.setHeader("X-ClickHouse-Exception-Tag", tag);
  try {
    for await (const chunk of session.stream(sql, format!)) {
      if (response.destroyed) throw new StatementCancelled();
      if (!response.write(chunk.raw())) await drained(response);
    }
    response.end();
  } catch (error) {
    if (!response.headersSent || response.destroyed) throw error;
    const text = `${messageOf(error)}\n`;
    response.end(`\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failed(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error instanceof StatementFault) fail(response, 400, 62, "SYNTAX_ERROR", error.message);
  else if (error instanceof EngineBusy) fail(response, 503, 202, "TOO_MANY_SIMULTANEOUS_QUERIES", error.message);
  else {
    const message = messageOf(error);
    const code = /Code: (\d+)/.exec(message)?.[1] ?? "1002";
    response.writeHead(500, { "X-ClickHouse-Exception-Code": code });
    response.end(message);
  }
}

function fail(response: ServerResponse, status: number, code: number, type: string, message: string): void {
  response.writeHead(status, { "X-ClickHouse-Exception-Code": String(code) });
  response.end(`Code: ${code}. DB::Exception: ${message}. (${type})`);
}
