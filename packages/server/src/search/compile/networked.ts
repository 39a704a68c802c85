/**
 * Where addresses belong: `source_network`, `peer_network` and `client_network` are the first named network of the
 * configuration in which the address lies, in queries and as facets. Nothing of it is stored: a network that is named
 * today is found in last year's records.
 */
import { isIP } from "node:net";

import { queryField } from "../language/query-fields.ts";
import type { SearchColumn } from "./column.ts";
import type { Params } from "./sql.ts";

/** Name to addresses and CIDRs; the first that holds an address is its network. */
export type Networks = Readonly<Record<string, readonly string[]>>;

const ADDRESS_COLUMNS = {
  source_network: "observed_source_address",
  peer_network: "peer_address",
  client_network: "client_address",
} as const;
type NetworkField = keyof typeof ADDRESS_COLUMNS;

export function isNetworkField(name: string): name is NetworkField {
  return Object.hasOwn(ADDRESS_COLUMNS, name);
}

export function networkColumn(field: NetworkField, networks: Networks, params: Params): SearchColumn {
  const sql = networkSql(field, networks, params);
  return {
    field: queryField(field)!,
    shape: "name",
    sql,
    shown: sql,
    rangeless: true,
    required: false,
    computed: true,
  };
}

/** SQL text of an address as it is compared: IPv4 within IPv6 is IPv4. */
export const plainAddress = (text: string): string => `replaceRegexpOne(lower(${text}), '^::ffff:', '')`;

/** The /24 of an IPv4 address, the /48 of an IPv6 one, '' for what is neither; `address` is SQL of a plain one. */
export const addressPrefix = (address: string): string => `multiIf(
    isIPv4String(${address}),
    concat(toString(tupleElement(IPv4CIDRToRange(toIPv4OrDefault(${address}), 24), 1)), '/24'),
    isIPv6String(${address}),
    concat(toString(tupleElement(IPv6CIDRToRange(toIPv6OrDefault(${address}), 48), 1)), '/48'), '')`;

/** The network's name, '' for an address of none and for what is no address. */
export function networkSql(field: NetworkField, networks: Networks, params: Params): string {
  const ranges = Object.entries(networks).flatMap(([name, cidrs]) => cidrs.map((cidr) => [name, prefixed(cidr)]));
  if (ranges.length === 0) return "''";
  const names = params.add(
    ranges.map(([name = ""]) => name),
    "Array(String)",
  );
  const prefixes = params.add(
    ranges.map(([, prefix = ""]) => prefix),
    "Array(String)",
  );
  // An IPv4 address may be written as one of IPv6.
  const address = `replaceRegexpOne(lower(toString(${ADDRESS_COLUMNS[field]})), '^::ffff:', '')`;
  const isAddress = `(isIPv4String(${address}) OR isIPv6String(${address}))`;
  const tried = `if(${isAddress}, ${address}, '0.0.0.0')`;
  const found = `arrayFirst((name, prefix) -> isIPAddressInRange(${tried}, prefix), ${names}, ${prefixes})`;
  return `if(${isAddress}, ${found}, '')`;
}

function prefixed(cidr: string): string {
  if (cidr.includes("/")) return cidr;
  return `${cidr}/${isIP(cidr) === 4 ? 32 : 128}`;
}
