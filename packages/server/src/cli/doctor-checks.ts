/** One thing that `doctor` looked at. */
export interface Check {
  readonly name: string;
  /** warning: works, and something should be better. */
  readonly state: "good" | "warning" | "bad";
  readonly says: string;
  readonly hint?: string;
}

export const good = (name: string, says: string): Check => ({ name, state: "good", says });
export const warning = (name: string, says: string, hint: string): Check => ({ name, state: "warning", says, hint });
export const bad = (name: string, says: string, hint: string): Check => ({ name, state: "bad", says, hint });
