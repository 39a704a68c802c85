import type { FastifyInstance } from "fastify";

/** Which methods each declared path takes, so that a wrong method is told apart from a wrong path. */
export interface DeclaredPaths {
  /** Empty when there is no such path. */
  methodsOf(path: string): readonly string[];
}

export function declaredPaths(app: FastifyInstance): DeclaredPaths {
  const declared = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = declared.get(url) ?? new Set();
    for (const name of Array.isArray(method) ? method : [method]) methods.add(name);
    declared.set(url, methods);
  });
  return {
    methodsOf(path) {
      const methods = [...declared].filter(([pattern]) => matches(pattern, path)).flatMap(([, names]) => [...names]);
      return [...new Set(methods)].sort();
    },
  };
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.at(-1) === "*" ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((part, at) => part === "*" || (part.startsWith(":") ? given[at] !== "" : part === given[at]));
}
