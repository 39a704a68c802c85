/** Name of a peer to its base URL. */
export type Peers = Readonly<Record<string, string>>;

/** What the launcher tells a service at its start, by IPC. */
export interface ServiceSetup {
  readonly name: string;
  readonly tallystickUrl: string;
  /** This service's own producer key. */
  readonly tallystickKey: string;
  readonly peers: Peers;
  /** This service's credential towards its peers. */
  readonly token: string;
  /** Fingerprint of a credential → the service that holds it. */
  readonly trusted: Readonly<Record<string, string>>;
  /** Visits of customers a second. */
  readonly rate: number;
  /** Scales failures: 0 none, 1 as shipped. */
  readonly trouble: number;
}

/** What a service answers once it serves. */
export interface ServiceReady {
  readonly port: number;
}
