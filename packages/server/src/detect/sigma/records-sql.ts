/** The fields of our records in SQL, by the names that search knows; what it does not know is an attribute. */
import { columnOf, presence } from "../../search/compile/column.ts";
import type { SearchColumn } from "../../search/compile/column.ts";
import { stringLiteral } from "../../index/engine/statement.ts";
import { TEXT_EXPRESSION } from "../../index/schema/records.ts";
import { resolveField } from "../../search/language/query-fields.ts";
import { isNetworkField } from "../../search/compile/networked.ts";
import { isNumber, listField } from "./field-sql.ts";
import type { EventSql, FieldSql } from "./field-sql.ts";

/** What a pass looks at, as predicates over `records`. */
export interface RecordsRange {
  /** Records up to so many seconds older as well. */
  history(spanS: number): string;
  /** All that is looked at. */
  readonly within: string;
  /** It is of one tree. */
  readonly isOfOneTree?: boolean;
}

export function recordsSql(range: RecordsRange): EventSql {
  return {
    history: (spanS) => ({ from: "records", where: range.history(spanS) }),
    isNew: range.within,
    position: "(tree, leaf_index)",
    shortPosition: range.isOfOneTree
      ? { ofEvent: "leaf_index", ofAt: "tupleElement(at, 2)" }
      : { ofEvent: "(tree, leaf_index)", ofAt: "at" },
    timeUs: "toUnixTimestamp64Micro(timestamp)",
    field: recordField,
    anywhere: (holds) => holds(TEXT_EXPRESSION),
  };
}

function recordField(written: string): FieldSql {
  const attribute = attributeName(written);
  if (attribute !== null) return attributeField(attribute);
  const column = columnOf(resolveField(written, 0).field.name);
  switch (column.shape) {
    case "names":
      return listField(column.sql, presence(column));
    case "map":
      return listField(`mapValues(${column.sql})`, presence(column));
    case "uint":
    case "signed":
      return scalarField(
        presence(column),
        `ifNull(toString(${column.sql}), '')`,
        `toFloat64(ifNull(${column.sql}, 0))`,
        null,
      );
    case "flag":
      return scalarField(presence(column), `if(${column.sql} = 1, 'true', 'false')`, null, null);
    case "time":
      return scalarField(presence(column), timeText(column), `toFloat64(${column.shown})`, column.sql);
    default:
      return scalarField(presence(column), column.shown, null, null);
  }
}

/** As JSON has it: `2026-11-26T08:20:43.000000Z`. */
const timeText = ({ sql }: SearchColumn): string => `concat(replaceOne(toString(${sql}), ' ', 'T'), 'Z')`;

/** The name of the attribute that a field is; null: it is a field of records. */
export function attributeName(written: string): string | null {
  const { field } = resolveField(written, 0);
  if (field.kind !== "attribute" && !isNetworkField(field.name)) return null;
  // Of one that a product has under the name of one of our fields, with dots, the name as it is written.
  return written.startsWith("attributes.") ? field.name : written;
}

function attributeField(name: string): FieldSql {
  const key = stringLiteral(name);
  return scalarField(`mapContains(attributes, ${key})`, `attributes[${key}]`, null, null);
}

/** One value, or none where `present` does not hold. */
function scalarField(present: string, text: string, number: string | null, time: string | null): FieldSql {
  const when = (holds: string): string => (present === "1" ? holds : `(${present} AND ${holds})`);
  const parsed = `parseDateTime64BestEffortOrZero(toString(${text}), 6, 'UTC')`;
  const ofText = `toFloat64OrZero(toString(${text}))`;
  const numbered = number === null ? isNumber(text) : "1";
  return {
    some: (holds) => when(holds(text)),
    someNumber: (holds) => when(number === null ? `(${numbered} AND ${holds(ofText)})` : holds(number)),
    someTime: (holds) =>
      when(time === null ? `(${parsed} != toDateTime64(0, 6, 'UTC') AND ${holds(parsed)})` : holds(time)),
    present,
    exists: present,
    values: `if(${present}, [toString(${text})], emptyArrayString())`,
    joined: () => (present === "1" ? `toString(${text})` : `if(${present}, toString(${text}), '')`),
    numbers: `if(${present} AND ${numbered}, [${number ?? ofText}], emptyArrayFloat64())`,
    number,
    text: `toString(${text})`,
  };
}
