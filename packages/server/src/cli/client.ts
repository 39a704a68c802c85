import { CommandError } from "./command-error.ts";
import type { Target } from "./target.ts";

/** A command's way to a server; problems become the command's error with the server's own words. */
export interface Client {
  get<Answer>(path: string, query?: Query): Promise<Answer>;
  send<Answer>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<Answer>;
  /** The body as it arrives. */
  stream(
    path: string,
    query: Query,
    headers?: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Response>;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

interface ProblemBody {
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly at?: Readonly<Record<string, string | number>>;
}

export function connectTo({ url, token, fetch: ownFetch }: Target, usualFetch: typeof globalThis.fetch): Client {
  const fetch = ownFetch ?? usualFetch;
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    const response = await fetch(`${url}${path}`, { ...init, headers }).catch((cause: unknown) => {
      if (init.signal?.aborted === true) throw cause;
      throw unreachable(url, cause);
    });
    if (response.ok) return response;
    throw await problemError(response, url);
  };
  return {
    get: async (path, query = {}) => (await (await call(path + text(query), {})).json()) as never,
    async send(method, path, body) {
      const init =
        body === undefined
          ? { method }
          : { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } };
      const response = await call(path, init);
      return (response.status === 204 ? null : await response.json()) as never;
    },
    stream: (path, query, headers = {}, signal) =>
      call(path + text(query), { headers, ...(signal === undefined ? {} : { signal }) }),
  };
}

function unreachable(url: string, cause: unknown): CommandError {
  const why = (cause as { readonly cause?: { readonly code?: unknown; readonly message?: unknown } }).cause;
  if (why instanceof CommandError) return why;
  const isTls = /CERT|TLS|SSL|UNABLE_TO|certificate/.test(`${String(why?.code)} ${String(why?.message)}`);
  if (!isTls)
    return new CommandError(`${url} does not answer.`, {
      code: "unreachable",
      hint: "Is the server running there? One that was killed or hangs is to be started again.",
      cause,
    });
  return new CommandError(`There is no secure connection to ${url}: ${String(why?.message).replace(/\.$/, "")}.`, {
    code: "unreachable",
    hint: "Name the authority of the server's certificate with --ca, or the data folder of a local server with --data.",
    cause,
  });
}

function text(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const result = parameters.toString();
  return result === "" ? "" : `?${result}`;
}

async function problemError(response: Response, url: string): Promise<CommandError> {
  const body = (await response.json().catch(() => ({}))) as ProblemBody;
  const column = body.at?.["column"];
  const detail = body.detail ?? `${url} answered ${response.status}.`;
  const isSaid = column === undefined || new RegExp(`\\bcolumn ${column}\\b`, "i").test(detail);
  const where = isSaid ? "" : ` (column ${column})`;
  return new CommandError(detail + where, {
    code: body.code ?? `http_${response.status}`,
    ...hintOf(body),
  });
}

/** What the server says to who sends a request by hand, in the words of the command line. */
function hintOf({ code, hint }: ProblemBody): { readonly hint?: string } {
  if (code === "unauthenticated")
    return {
      hint: "Give --token or TALLYSTICK_TOKEN, run `tallystick login`, or name a local server's folder by --data.",
    };
  return hint === undefined ? {} : { hint };
}
