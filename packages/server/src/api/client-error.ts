import { STATUS_CODES } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { TallystickError } from "../errors.ts";
import { PROBLEM_TYPE, problemOf } from "./errors.ts";

interface ParserError extends Error {
  readonly code?: string;
}

/** Answers what never became a request: bytes that are no HTTP, and requests that did not arrive in time. */
export function answerClientError(error: ParserError, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const problem = problemOf(tallystickErrorOf(error));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** An `Expect` that Node would refuse without a body. */
export function answerExpectations(server: Pick<Server, "on">): void {
  server.on("checkExpectation", (_: IncomingMessage, response: ServerResponse) => {
    const problem = problemOf(
      new TallystickError("expectation_failed", "Only 100-continue may be expected of this server."),
    );
    response.writeHead(problem.status, { "content-type": PROBLEM_TYPE, connection: "close" });
    response.end(JSON.stringify(problem));
  });
}

function tallystickErrorOf(error: ParserError): TallystickError {
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new TallystickError("request_timeout", "The request did not arrive whole in time.");
  if (error.code === "HPE_HEADER_OVERFLOW")
    return new TallystickError("headers_too_large", "The request's line and headers are too long.");
  return new TallystickError("bad_request", "This is not HTTP/1.1.");
}
