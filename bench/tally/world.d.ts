/**
 * The services of the tally's benches: who calls whom, how each pair of them names a call, and how wrong their clocks
 * are. A third of it is as a fleet with OpenTelemetry and addresses alone is, since that is what most fleets are.
 */
/**
 * How both halves find each other. `named`: by service_id, target_id and request_id, as an SDK or a proxy writes them,
 * with digests, sizes and peer identities; `traced`: by trace and span, with names and sizes; `addressed`: by trace and
 * span, each seeing only the other's address, the caller only the method.
 */
export type Style = "named" | "traced" | "addressed";
export interface Edge {
  readonly caller: string;
  readonly callee: string;
  readonly style: Style;
  readonly verb: "GET" | "POST" | "PUT";
  readonly route: string;
  /** What the callee knows the caller by. */
  readonly credential: string;
  readonly callerAddress: string;
  readonly calleeAddress: string;
}
export declare const SERVICE_NAMES: readonly string[];
export declare const ALL_EDGES: readonly Edge[];
/** Parties that never record: an acquirer by name, a partner's web hook by address. */
export declare const THIRD_PARTIES: readonly ["acquirer", "address:hooks.partner.example:443"];
export declare const BROKER = "broker";
export declare const CONSUMERS = 3;
export declare function edgesOf(...styles: readonly Style[]): readonly Edge[];
/** How far the clock of a service is off, constant, in microseconds. */
export declare function skewUs(service: string): number;
/** A service other than the two of the edge. */
export declare function strangerTo({ caller, callee }: Edge): string;
//# sourceMappingURL=world.d.ts.map
