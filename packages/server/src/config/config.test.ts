import { describe, expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import { readConfig } from "./config.ts";
import type { ConfigSources } from "./config.ts";
import { configurationReference } from "./reference.ts";
import { shownConfig } from "./shown.ts";
import { CONFIG_KEYS } from "./schema.ts";

const sources = (text: string | null, rest: Partial<ConfigSources> = {}): ConfigSources => ({
  file: text === null ? null : { name: "tallystick.yaml", text },
  environment: {},
  options: [],
  ...rest,
});

function faultOf(
  text: string | null,
  rest: Partial<ConfigSources> = {},
): { message: string; at: Readonly<Record<string, unknown>> } {
  try {
    readConfig(sources(text, rest));
  } catch (error) {
    if (isTallystickError(error, "config_invalid")) return { message: error.message, at: error.at };
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("a configuration that is shown", () => {
  it("says of every key where its value came from, and holds no password", () => {
    const shown = shownConfig(
      readConfig(
        sources("http:\n  listen: 127.0.0.1:1\nledger:\n  copies:\n    - {kind: webhook, to: 'https://a:pass@b.c/'}\n"),
      ),
    );
    expect(shown.map(({ key }) => key)).toEqual(CONFIG_KEYS.map(({ name }) => name));
    expect(shown.find(({ key }) => key === "http.listen")?.from).toBe("tallystick.yaml:2:3");
    expect(shown.find(({ key }) => key === "log.level")?.from).toBe("default");
    expect(JSON.stringify(shown)).toContain("https://a:***@b.c/");
    expect(shown.filter(({ says }) => says === "")).toEqual([]);
  });
});

describe("a configuration", () => {
  it("is complete without a file: every key has its default and says so", () => {
    const { config, provenance } = readConfig(sources(null));
    expect(config.http.listen).toBe("127.0.0.1:7070");
    expect(config.intake.otlp.internal).toBe("drop");
    expect([...provenance.keys()]).toEqual(CONFIG_KEYS.map((key) => key.name));
    expect(new Set([...provenance.values()].map((value) => value.from))).toEqual(new Set(["default"]));
  });

  it("takes option over environment over file over default, and knows where each value came from", () => {
    const { config, provenance } = readConfig(
      sources("http:\n  listen: 127.0.0.1:1\n  request_timeout_s: 5\njournal:\n  flush_interval_ms: 2\n", {
        environment: { TALLYSTICK_HTTP_REQUEST_TIMEOUT_S: "7", TALLYSTICK_HTTP_LISTEN: "127.0.0.1:2", PATH: "/bin" },
        options: [{ key: "http.listen", option: "--listen", value: "127.0.0.1:3" }],
      }),
    );
    expect(config.http.listen).toBe("127.0.0.1:3");
    expect(config.http.request_timeout_s).toBe(7);
    expect(config.journal.flush_interval_ms).toBe(2);
    expect(provenance.get("http.listen")).toEqual({ from: "option", option: "--listen" });
    expect(provenance.get("http.request_timeout_s")).toEqual({
      from: "environment",
      variable: "TALLYSTICK_HTTP_REQUEST_TIMEOUT_S",
    });
    expect(provenance.get("journal.flush_interval_ms")).toEqual({
      from: "file",
      file: "tallystick.yaml",
      line: 5,
      column: 3,
    });
    expect(provenance.get("log.level")).toEqual({ from: "default" });
  });

  it.each([
    ["an unknown section", "htp:\n  listen: x\n", 1, 1, "did you mean http"],
    ["an unknown key", "http:\n  listen: 127.0.0.1:1\n  lisen: x\n", 3, 3, "did you mean listen"],
    ["a wrong type", "http:\n  request_timeout_s: soon\n", 2, 3, "a whole number from 1 to 3600"],
    ["a value out of bounds", "journal:\n  flush_bytes: 1\n", 2, 3, "from 4096"],
    ["a value not of the list", "log:\n  level: loud\n", 2, 3, "one of trace, debug"],
    ["a key below the second level", "intake:\n  otlp:\n    internal: perhaps\n", 3, 5, "one of drop, keep"],
    ["an item of a list", "http:\n  trusted_proxies:\n    - 10.0.0.0/8\n    - everyone\n", 4, 7, "an address or CIDR"],
    ["a prefix beyond the address", "http:\n  trusted_proxies: [10.0.0.0/99]\n", 2, 21, "an address or CIDR"],
    ["an address that is none", "http:\n  trusted_proxies: [10.0.0.999]\n", 2, 21, "an address or CIDR"],
    ["a map's value", "ledger:\n  epochs:\n    default: 5s\n", 3, 5, "month, week, day"],
    ["a map's key", "ledger:\n  epochs:\n    Bad_Name: day\n", 3, 5, "is not a name"],
    ["a network that is none", "networks:\n  office: [10.1.0.0/16, 10.1.0.0/40]\n", 2, 25, "an address or CIDR"],
    ["a network's name", "networks:\n  Head Office: [10.1.0.0/16]\n", 2, 3, "is not a name"],
    ["an alias that is too long", `tally:\n  aliases:\n    ${"k".repeat(257)}: a\n`, 3, 5, "is not a name"],
    ["a name that is empty", 'tally:\n  aliases:\n    "": a\n', 3, 5, "is not a name"],
    [
      "a producer that is too long",
      `tally:\n  producers:\n    silent_after:\n      ${"k".repeat(257)}: 5m\n`,
      4,
      7,
      "is not a name",
    ],
    ["an alias of nothing", "log:\n  level: *quiet\n", 2, 10, "alias"],
    ["a key given twice", "log:\n  level: info\n  level: warn\n", 3, 3, "unique"],
    ["an unclosed list", "log:\n  level: [info\nhttp:\n  listen: x\n", 2, 10, "end with a ]"],
    ["an unclosed map in a list", "ledger:\n  copies: [{kind: file]\n", 2, 12, ""],
    ["broken YAML", 'log:\n  level: "info\n', 3, 1, "closing"],
    ["a list instead of sections", "- a\n", 1, 1, "map of sections"],
  ])("is refused for %s with its line and column", (_, text, line, column, says) => {
    const { message, at } = faultOf(text);
    expect(at).toMatchObject({ file: "tallystick.yaml", line, column });
    expect(message).toContain(`tallystick.yaml:${line}:${column}: `);
    expect(message).toContain(says);
  });

  it("reports every fault at once", () => {
    const { message } = faultOf("log:\n  level: loud\nhttp:\n  listen: nowhere\n");
    expect(message).toContain("tallystick.yaml:2:3");
    expect(message).toContain("tallystick.yaml:4:3");
  });

  it("refuses what is wrong in the file also where another source overrides it", () => {
    const text = "http:\n  listen: nonsense\n";
    const options = [{ key: "http.listen", option: "--listen", value: "127.0.0.1:3" }];
    const environment = { TALLYSTICK_HTTP_LISTEN: "127.0.0.1:2" };
    for (const other of [{ options }, { environment }, { options, environment }])
      expect(faultOf(text, other).at).toMatchObject({ line: 2, column: 3 });
  });

  it("names the variable or option that is wrong", () => {
    expect(faultOf(null, { environment: { TALLYSTICK_LOG_LEVEL: "loud" } }).message).toContain(
      "TALLYSTICK_LOG_LEVEL: must be one of",
    );
    expect(faultOf(null, { environment: { TALLYSTICK_HTTP_LISTNE: "x" } }).at).toEqual({
      variable: "TALLYSTICK_HTTP_LISTNE",
    });
    const option = { key: "http.listen", option: "--listen", value: "7070" };
    expect(faultOf(null, { options: [option] }).message).toContain("--listen: must be host:port");
  });

  it("leaves variables alone that an orchestrator or a command line sets", () => {
    const environment = {
      TALLYSTICK_HTTP_PORT_7070_TCP: "x",
      TALLYSTICK_URL: "http://x",
      TALLYSTICK_TOKEN: "y",
      TALLYSTICK_HTTP_SERVICE_HOST: "z",
    };
    expect(readConfig(sources(null, { environment })).config.http.listen).toBe("127.0.0.1:7070");
  });

  it("reads lists and maps from the environment", () => {
    const { config } = readConfig(
      sources(null, {
        environment: {
          TALLYSTICK_HTTP_TRUSTED_PROXIES: "10.0.0.0/8, ::1",
          TALLYSTICK_LEDGER_EPOCHS: "{default: day}",
          TALLYSTICK_INTAKE_REDACT_NAMES: "[x-session]",
          TALLYSTICK_NETWORKS: "{office: [10.1.0.0/16]}",
        },
      }),
    );
    expect(config.http.trusted_proxies).toEqual(["10.0.0.0/8", "::1"]);
    expect(config.ledger.epochs).toEqual({ default: "day" });
    expect(config.intake.redact_names).toEqual(["x-session"]);
    expect(config.networks).toEqual({ office: ["10.1.0.0/16"] });
  });

  it("takes a section whose keys are all commented out", () => {
    expect(readConfig(sources("http:\n#  listen: x\n")).config.http.listen).toBe("127.0.0.1:7070");
  });
});

describe("the reference", () => {
  it("names every key and its variable", () => {
    const text = configurationReference();
    for (const key of CONFIG_KEYS) {
      expect(text).toContain(`| \`${key.name}\` |`);
      expect(text).toContain(`\`${key.variable}\``);
    }
  });

  it("describes every key in a sentence", () => {
    for (const key of CONFIG_KEYS) expect((key.schema as { description?: string }).description).toMatch(/\.$/);
  });
});

describe("alerts and responses", () => {
  const faultsOf = (text: string): string => {
    try {
      readConfig({ file: { name: "t.yaml", text }, environment: {}, options: [] });
      return "";
    } catch (error) {
      return String(error);
    }
  };
  it.each([
    [
      "alerts:\n  channels:\n    - {name: a, kind: webhook}\n",
      "t.yaml:3:7: alerts.channels.0 of kind webhook needs secret_file",
    ],
    ["alerts:\n  channels:\n    - {name: a, kind: slack, url: 'https://x.example'}\n", "needs url_file"],
    [
      "alerts:\n  routes:\n    - {match: ['service'], channels: []}\n",
      "t.yaml:3:16: alerts.routes.0.match.0 is no matcher",
    ],
    ["alerts:\n  routes:\n    - {match: ['a=~\"(\"'], channels: []}\n", "regular expression"],
    ["alerts:\n  routes:\n    - {match: [], channels: [pager]}\n", "names no channel; there are none"],
    ["alerts:\n  runbook_url: wiki/{rule}\n", "t.yaml:2:3: alerts.runbook_url must be an http:// or https:// URL"],
    ["alerts:\n  allow_private: [10.0.0.300]\n", "must be an address or CIDR"],
    ["alerts:\n  inhibit:\n    - {source: [], target: ['a=b']}\n", "alerts.inhibit.0.source must have a matcher"],
    [
      "respond:\n  rules:\n    - {name: a, match: ['x'], action: block_service}\n",
      "respond.rules.0.match.0 is no matcher",
    ],
    ["respond:\n  rules:\n    - {name: a, match: ['x=y'], action: webhook}\n", "needs channel"],
    ["respond:\n  never: [payments]\n", "t.yaml:2:11: respond.never.0 is no matcher"],
  ])("%j is refused at its place", (text, told) => {
    expect(faultsOf(text)).toContain(told);
  });
});
