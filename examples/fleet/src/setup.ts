/** Name of a peer to its base URL. */
export type Peers = Readonly<Record<string, string>>;

/** What the launcher tells a service at its start, by IPC. */
export interface ServiceSetup {
  readonly name: string;
  readonly tallystickUrl: string;
  /** This service's own producer key; empty: it reports nothing. */
  readonly tallystickKey: string;
  readonly peers: Peers;
  /** This service's API key towards its peers. */
  readonly apiKey: string;
  /** Fingerprints of the API keys that were issued. */
  readonly issuedKeys: readonly string[];
  /** Of the impostor: pause between two of its calls. */
  readonly impostorEveryMs: number;
  /** Visits of customers a second. */
  readonly rate: number;
  /** Scales failures: 0 none, 1 as shipped. */
  readonly trouble: number;
}

/** What a service answers once it serves. */
export interface ServiceReady {
  readonly port: number;
}
