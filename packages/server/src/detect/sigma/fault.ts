/** Why a rule is refused, and where. Nothing of a refused rule runs. */

/** Both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export const FIRST_PLACE: Place = { line: 1, column: 1 };

export class RuleFault extends Error {
  readonly place: Place;

  constructor(place: Place, reason: string) {
    super(reason);
    this.name = "RuleFault";
    this.place = place;
  }
}
