import { describe, expect, it } from "vitest";

import { syslogMessage } from "../ledger/node-copy-senders.ts";
import { manualClock } from "../manual-clock.ts";
import { parseRemembered } from "./known-notes.ts";

const ORIGIN = "tallystick.local/91f1d837bbcd/default/2026-11";
const ROOT = Buffer.alloc(32, 7).toString("base64");
const SIGNATURE = Buffer.alloc(68, 9).toString("base64");

const noteOf = (size: number): Buffer => Buffer.from(`${ORIGIN}\n${size}\n${ROOT}\n\n— ${ORIGIN} ${SIGNATURE}\n`);
const found = (text: string) => parseRemembered(Buffer.from(text)).map(({ note }) => Buffer.from(note).toString());
const context = { clock: manualClock(), host: "machine", pid: 42 };
const syslogLine = (size: number) => syslogMessage({ tree: "default/2026-11", size, note: noteOf(size) }, context);

describe("remembered checkpoints", () => {
  const expected = [noteOf(101).toString(), noteOf(201).toString()];

  it.each([
    ["notes with an empty line between", `${noteOf(101).toString()}\n${noteOf(201).toString()}`],
    ["lines of a syslog collector", `${syslogLine(101)}\n${syslogLine(201)}\n`],
    ["frames of syslog over TCP", `312 ${syslogLine(101)}312 ${syslogLine(201)}`],
    [
      "lines among others, as rsyslog writes them",
      `Nov 27 vm kernel: eth0 up\\n\nNov 27 vm tallystick[42] ${syslogLine(101).split("- ")[1]}\nx\n${syslogLine(201)}`,
    ],
  ])("are %s", (_, text) => {
    expect(found(text)).toEqual(expected);
  });

  it.each(["", "Nov 27 vm kernel: eth0 up\n", syslogLine(101).slice(0, -20)])(
    "are refused where none is: %j",
    (text) => {
      expect(() => found(text)).toThrow(/checkpoint/);
    },
  );
});
