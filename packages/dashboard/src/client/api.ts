/** The dashboard's one way to the server: JSON over fetch, errors as RFC 9457 problems. */

export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  /** 1-based column of a fault in a query, where there is one. */
  readonly column: number | null;

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? `The server answered ${status}.`);
    this.name = "ApiProblem";
    this.status = status;
    this.code = body.code ?? "unknown";
    this.hint = body.hint ?? null;
    this.column = typeof body.at?.["column"] === "number" ? body.at["column"] : null;
  }
}

interface ProblemBody {
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly at?: Readonly<Record<string, string | number>>;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export async function getJson<T>(path: string, query: Query, signal: AbortSignal): Promise<T> {
  const response = await fetch(withQuery(path, query), { signal, headers: { accept: "application/json" } }).catch(
    (error: unknown) => {
      if (signal.aborted) throw error;
      throw new ApiProblem(0, {
        code: "unreachable",
        detail: "The server does not answer.",
        hint: "Is `tallystick serve` running? This page tries again by itself.",
      });
    },
  );
  if (response.ok) return (await response.json()) as T;
  const body = (await response.json().catch(() => ({}))) as ProblemBody;
  throw new ApiProblem(response.status, body);
}

/** The answer, or undefined when there is none (204). A `signal` is given where what is asked changes nothing. */
export function postJson<T>(path: string, body: object, signal?: AbortSignal): Promise<T | undefined> {
  return send<T>("POST", path, body, signal);
}

export function putJson<T>(path: string, body: object): Promise<T | undefined> {
  return send<T>("PUT", path, body);
}

export function deleteJson<T>(path: string): Promise<T | undefined> {
  return send<T>("DELETE", path);
}

async function send<T>(
  method: string,
  path: string,
  body?: object,
  signal: AbortSignal | null = null,
): Promise<T | undefined> {
  const response = await fetch(path, {
    method,
    signal,
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw new ApiProblem(0, { code: "unreachable", detail: "The server does not answer. Nothing was changed." });
  });
  if (response.status === 204) return undefined;
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer as T;
  throw new ApiProblem(response.status, answer as ProblemBody);
}

export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "" && value !== false) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}
