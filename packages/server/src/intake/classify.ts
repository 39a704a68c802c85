/**
 * The classes that the configuration gives to calls. A rule only raises: what a producer says of its own data stays
 * when it is stricter, and categories are added.
 */
import { DATA_CLASSES } from "@tallystick/record";

import { fits } from "../payload/glob.ts";
import type { FieldPatterns, MatchedFields } from "../payload/glob.ts";
import { MAX_REMEMBERED_ROUTES } from "./limits.ts";

export interface ClassifyRule extends FieldPatterns {
  readonly data_class?: string | undefined;
  readonly data_categories?: readonly string[] | undefined;
}

export interface Classes {
  readonly dataClass: string | undefined;
  readonly dataCategories: readonly string[];
}

const NOTHING: Classes = { dataClass: undefined, dataCategories: [] };

interface Route {
  readonly classes: Classes;
  /** Rules that depend on more than the route. */
  readonly byResource: readonly ClassifyRule[];
}

export class Classifier {
  readonly #rules: readonly ClassifyRule[];
  readonly #routes = new Map<string, Route>();

  constructor(rules: readonly ClassifyRule[]) {
    this.#rules = rules;
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** What the record's own classes become. */
  raise(own: Classes, fields: MatchedFields): Classes {
    const { classes, byResource } = this.#route(fields);
    const more = byResource.filter((rule) => fits({ resource: rule.resource }, fields)).map(classesOf);
    return [classes, ...more].reduce(raised, own);
  }

  /** Few routes make up nearly all calls. */
  #route(fields: MatchedFields): Route {
    const key = `${fields.service_id}\0${fields.target_id}\0${fields.operation}`;
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const fitting = this.#rules.filter(({ service, operation }) => fits({ service, operation }, fields));
    const route: Route = {
      classes: fitting
        .filter(({ resource }) => resource === undefined)
        .map(classesOf)
        .reduce(raised, NOTHING),
      byResource: fitting.filter(({ resource }) => resource !== undefined),
    };
    if (this.#routes.size >= MAX_REMEMBERED_ROUTES) this.#routes.clear();
    this.#routes.set(key, route);
    return route;
  }
}

function classesOf({ data_class: dataClass, data_categories: dataCategories = [] }: ClassifyRule): Classes {
  return { dataClass, dataCategories };
}

function raised(one: Classes, other: Classes): Classes {
  const added = other.dataCategories.filter((category) => !one.dataCategories.includes(category));
  const isStricter = rank(other.dataClass) > rank(one.dataClass);
  if (!isStricter && added.length === 0) return one;
  return {
    dataClass: isStricter ? other.dataClass : one.dataClass,
    dataCategories: added.length === 0 ? one.dataCategories : [...one.dataCategories, ...added],
  };
}

function rank(dataClass: string | undefined): number {
  return dataClass === undefined ? -1 : (DATA_CLASSES as readonly string[]).indexOf(dataClass);
}
