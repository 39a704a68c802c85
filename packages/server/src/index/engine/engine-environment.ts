type Environment = Readonly<Record<string, string | undefined>>;

/** What the engine's process may know of ours: tokens and passwords of the environment stay here. */
const INHERITED = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "NODE_OPTIONS"];

export function engineEnvironment(environment: Environment): Environment {
  return Object.fromEntries(INHERITED.map((name) => [name, environment[name]]));
}
