/**
 * Which log a record goes to: the first of the routed logs with a pattern that fits what will be stored of it, else its
 * sender's own. A pure function of the record and the configuration, so that a record which is sent again goes where it
 * went before.
 */
import { slotOf } from "@tallystick/record";
import type { NormaliseOutcome } from "@tallystick/record";

import { fits, globMatches } from "../payload/glob.ts";
import type { FieldPatterns, MatchedFields } from "../payload/glob.ts";
import { UNCLASSIFIED } from "../search/scope.ts";
import { MAX_REMEMBERED_ROUTES } from "./limits.ts";

type Slots = Extract<NormaliseOutcome, { readonly kind: "ok" }>["slots"];

/** All that is given must fit; in each `*` stands for any text. */
export interface RoutePattern extends FieldPatterns {
  /** A record without a class has the class `unclassified`. */
  readonly data_class?: string | undefined;
  /** Of one of the record's categories. */
  readonly data_category?: string | undefined;
}

export interface RoutedLog {
  readonly log: string;
  /** One of them has to fit. */
  readonly match: readonly RoutePattern[];
}

/** The sender's own log. */
export const OWN_PLACE = 0;

const SERVICE = slotOf("service_id");
const TARGET = slotOf("target_id");
const OPERATION = slotOf("operation");
const RESOURCE = slotOf("resource");
const CLASS = slotOf("data_class");
const CATEGORIES = slotOf("data_categories");

/** Fits by all but the resource, which is undefined when the pattern asks for none. */
interface Candidate {
  readonly place: number;
  readonly resource: string | undefined;
}

type Found = readonly Candidate[];

/** A pattern and the log that it leads to. */
interface Rule {
  readonly pattern: RoutePattern;
  readonly place: number;
}

interface RouteFields extends MatchedFields {
  readonly data_class: string;
  readonly categories: readonly string[];
}

export class Router {
  readonly #logs: readonly string[];
  readonly #rules: readonly Rule[];
  /** By service, target, operation, then class and categories. */
  readonly #routes = new Map<string, Map<string, Map<string, Map<string, Found>>>>();
  #remembered = 0;

  constructor(routed: readonly RoutedLog[]) {
    this.#logs = routed.map(({ log }) => log);
    this.#rules = routed.flatMap(({ match }, at) => match.map((pattern) => ({ pattern, place: at + 1 })));
  }

  /** The log at a place; null is the sender's own. */
  logAt(place: number): string | null {
    return place === OWN_PLACE ? null : this.#logs[place - 1]!;
  }

  placeOf(slots: Slots): number {
    const fields = fieldsOf(slots);
    for (const { place, resource } of this.#candidates(fields))
      if (resource === undefined || globMatches(resource, fields.resource)) return place;
    return OWN_PLACE;
  }

  /** Few routes make up nearly all calls. A map in a map, for a key of all names would have to be made a record. */
  #candidates(fields: RouteFields): readonly Candidate[] {
    const { service_id: service, target_id: target, operation, data_class: dataClass, categories } = fields;
    const classes = categories.length === 0 ? dataClass : `${dataClass} ${categories.join(" ")}`;
    const known = this.#routes.get(service)?.get(target)?.get(operation)?.get(classes);
    if (known !== undefined) return known;
    const found: Candidate[] = [];
    for (const { pattern, place } of this.#rules) {
      if (!fitsButResource(pattern, fields)) continue;
      found.push({ place, resource: pattern.resource });
      if (pattern.resource === undefined) break;
    }
    this.#remember(fields, classes, found);
    return found;
  }

  #remember({ service_id: service, target_id: target, operation }: RouteFields, classes: string, found: Found): void {
    if (this.#remembered >= MAX_REMEMBERED_ROUTES) {
      this.#routes.clear();
      this.#remembered = 0;
    }
    const byTarget = inner(this.#routes, service, () => new Map<string, Map<string, Map<string, Found>>>());
    const byOperation = inner(byTarget, target, () => new Map<string, Map<string, Found>>());
    inner(byOperation, operation, () => new Map<string, Found>()).set(classes, found);
    this.#remembered += 1;
  }
}

function inner<Value>(outer: Map<string, Value>, key: string, make: () => Value): Value {
  const known = outer.get(key);
  if (known !== undefined) return known;
  const made = make();
  outer.set(key, made);
  return made;
}

let compiled: { readonly text: string; readonly router: Router } | null = null;

/** `routes` is JSON, so that a worker compiles them once however many requests come; null: there are none. */
export function routerOf(routes: string): Router | null {
  if (routes === "") return null;
  if (compiled?.text !== routes) compiled = { text: routes, router: new Router(JSON.parse(routes) as RoutedLog[]) };
  return compiled.router;
}

function fitsButResource(pattern: RoutePattern, fields: RouteFields): boolean {
  const { service, operation, data_class: dataClass, data_category: category } = pattern;
  return (
    fits({ service, operation }, fields) &&
    (dataClass === undefined || globMatches(dataClass, fields.data_class)) &&
    (category === undefined || fields.categories.some((one) => globMatches(category, one)))
  );
}

function fieldsOf(slots: Slots): RouteFields {
  return {
    service_id: textAt(slots, SERVICE),
    target_id: textAt(slots, TARGET),
    operation: textAt(slots, OPERATION),
    resource: textAt(slots, RESOURCE),
    data_class: (slots[CLASS] as string | undefined) ?? UNCLASSIFIED,
    categories: (slots[CATEGORIES] as readonly string[] | undefined) ?? NONE,
  };
}

const NONE: readonly string[] = [];

function textAt(slots: Slots, at: number): string {
  return (slots[at] as string | undefined) ?? "";
}
