/** A pattern in which `*` stands for any text, also none. Time is at most pattern times text. */
export function globMatches(pattern: string, text: string): boolean {
  let [at, place, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    if (pattern[place] === "*") {
      star = place++;
      resume = at;
    } else if (place < pattern.length && pattern[place] === text[at]) {
      place += 1;
      at += 1;
    } else if (star !== -1) {
      // The last star takes one character more.
      place = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[place] === "*") place += 1;
  return place === pattern.length;
}

/** What a rule looks at. Either end of a call may be the service that a rule is about. */
export interface MatchedFields {
  readonly service_id: string;
  readonly target_id: string;
  readonly operation: string;
  readonly resource: string;
}

export interface FieldPatterns {
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  readonly resource?: string | undefined;
}

/** True when every pattern that is given fits. */
export function fits({ service, operation, resource }: FieldPatterns, fields: MatchedFields): boolean {
  return (
    (service === undefined || globMatches(service, fields.service_id) || globMatches(service, fields.target_id)) &&
    (operation === undefined || globMatches(operation, fields.operation)) &&
    (resource === undefined || globMatches(resource, fields.resource))
  );
}
