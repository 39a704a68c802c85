import { XMLParser, XMLValidator } from "fast-xml-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { storedRecords } from "../records.contract.ts";
import { xmlFormat, xmlText } from "./xml.ts";

describe("an XML export", () => {
  it("is well-formed whatever the records hold, and says what it had to replace", () => {
    const format = xmlFormat();
    const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false, trimValues: false });
    fc.assert(
      fc.property(storedRecords(1), fc.string({ unit: "binary" }), ([stored], text) => {
        if (stored === undefined) return;
        const changed = {
          ...stored,
          record: { ...stored.record, operation: `${text}x`, attributes: { [`${text}k`]: text } },
        };
        const xml = format.head + format.record({ stored: changed, proof: "c2sp.org/tlog-proof@v1\n" }) + format.tail;
        expect(XMLValidator.validate(xml)).toBe(true);
        const read = parser.parse(xml) as {
          stored_records: { stored_record: { record: Record<string, unknown>; tree: string } };
        };
        expect(read.stored_records.stored_record.tree).toBe(stored.tree);
        const illegal = Array.from(text).filter(
          (character) => xmlText(character) === "\uFFFD" && character !== "\uFFFD",
        ).length;
        if (illegal > 0) expect(xml).toContain(`<operation replaced="${illegal}">`);
        else expect(xml).toMatch(/<operation>/);
      }),
    );
  });

  it("escapes what would end an element, and keeps line ends", () => {
    expect(xmlText("a<b>&]]>\r\n")).toBe("a&lt;b&gt;&amp;]]&gt;&#13;\n");
    expect(xmlText("\u0000\u001F\uFFFE😀\t")).toBe("\uFFFD\uFFFD\uFFFD😀\t");
  });
});
