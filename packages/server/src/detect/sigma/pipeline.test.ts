import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { checkRules } from "./check.ts";
import { RuleFault } from "./fault.ts";
import { readPipeline } from "./pipeline.ts";
import type { LinkedRule } from "./link.ts";
import type { Match, Node } from "./syntax.ts";

const rule = (detection: string, logsource = "product: shop, category: web", more = "") =>
  `title: T\nname: base\n${more}logsource: {${logsource}}\ndetection:\n${detection}\n  condition: sel\n`;
const pipeline = (steps: string, head = "") => readPipeline(`name: p\n${head}transformations:\n${steps}`);

function said(node: Node): string {
  if (node.kind === "match") return comparison(node);
  if (node.kind === "not") return `not(${said(node.of)})`;
  return `${node.kind}(${node.of.map(said).join(", ")})`;
}

function comparison({ field, test }: Match): string {
  const value =
    test.kind === "text"
      ? test.parts.map((part) => (typeof part === "string" ? part : part.wild)).join("")
      : test.kind === "field"
        ? `field ${test.name}`
        : test.kind === "literal"
          ? test.text
          : test.kind;
  return `${field ?? "any"}=${value}`;
}

function piped(text: string, ...pipelines: readonly ReturnType<typeof readPipeline>[]): LinkedRule | string {
  const [{ rule: linked, fault }] = checkRules([{ file: "f", text }], { pipelines }) as [
    ReturnType<typeof checkRules>[number],
  ];
  return linked ?? `${fault?.place.line}:${fault?.place.column} ${fault?.message}`;
}

function tree(text: string, ...pipelines: readonly ReturnType<typeof readPipeline>[]): string {
  const linked = piped(text, ...pipelines);
  return typeof linked === "string" ? linked : linked.kind === "rule" ? said(linked.root) : "correlation";
}

describe("a pipeline's steps", () => {
  it.each([
    ["  - {type: field_name_mapping, mapping: {a: x, b: [y, z]}}", "and(x=1, or(y=*t*, z=*t*), any=*k*)"],
    ["  - {type: field_name_prefix_mapping, mapping: {a: x.}}", "and(x.=1, b=*t*, any=*k*)"],
    ["  - {type: field_name_prefix, prefix: p.}", "and(p.a=1, p.b=*t*, any=*k*)"],
    ["  - {type: field_name_suffix, suffix: .s}", "and(a.s=1, b.s=*t*, any=*k*)"],
    ["  - {type: add_condition, conditions: {x: [1, 2]}}", "and(or(x=1, x=2), and(a=1, b=*t*, any=*k*))"],
    ["  - {type: add_condition, conditions: {x: 1}, negated: true}", "and(not(x=1), and(a=1, b=*t*, any=*k*))"],
    [
      "  - {type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [a]}]}",
      "and(b=*t*, any=*k*)",
    ],
    [
      "  - {type: drop_detection_item, field_name_conditions: [{type: exclude_fields, mode: re, fields: ['[ab]']}]}",
      "and(a=1, b=*t*)",
    ],
    ["  - {type: map_string, mapping: {'1': [one, uno*]}}", "and(or(a=one, a=uno*), b=*t*, any=*k*)"],
    ["  - {type: replace_string, regex: '^\\*(t)', replacement: 'x\\1y$'}", "and(a=1, b=xty$*, any=*k*)"],
    [
      "  - {type: replace_string, regex: '.', replacement: '<\\0>', skip_special: true}",
      "and(a=1, b=*<t>*, any=*<k>*)",
    ],
    ["  - {type: set_field, fields: [a]}", "and(a=1, b=*t*, any=*k*)"],
    [
      "  - {type: nest, items: [{type: field_name_mapping, mapping: {a: x}}, {type: field_name_suffix, suffix: s}]}",
      "and(xs=1, bs=*t*, any=*k*)",
    ],
  ])("%s", (steps, expected) => {
    const text = rule("  one: {a: 1}\n  two: {b|contains: t}\n  three: [k]").replace(
      "condition: sel",
      "condition: one and two and three",
    );
    expect(tree(text, pipeline(steps))).toBe(expected);
  });

  it("apply by what the rule is of, what it names, and what was done before", () => {
    const text = rule("  sel: {a: 1, b: 2}", "product: shop, category: web", "tags: [attack.t1190]\n");
    const x = "mapping: {a: x}";
    const holds = [
      "[{type: logsource, category: web}, {type: logsource, product: shop}]",
      "[{type: logsource, category: other}, {type: logsource, product: SHOP}], rule_cond_op: or",
      "[{type: logsource, category: other}], rule_cond_not: true",
      "[{type: contains_field, field: b}, {type: contains_detection_item, field: b, value: '2'}]",
      "[{type: tag, tag: attack.T1190}, {type: is_sigma_rule}]",
    ];
    const fails = [
      "[{type: logsource, category: web}, {type: logsource, product: other}]",
      "[{type: contains_field, field: z}]",
      "[{type: contains_detection_item, field: b, value: '3'}]",
      "[{type: processing_state, key: k, val: v}]",
      "[{type: processing_item_applied, processing_item_id: i}]",
    ];
    for (const conditions of holds)
      expect(
        tree(text, pipeline(`  - {type: field_name_mapping, ${x}, rule_conditions: ${conditions}}`)),
        conditions,
      ).toBe("and(x=1, b=2)");
    for (const conditions of fails)
      expect(
        tree(text, pipeline(`  - {type: field_name_mapping, ${x}, rule_conditions: ${conditions}}`)),
        conditions,
      ).toBe("and(a=1, b=2)");
    const state = pipeline(
      "  - {id: i, type: set_state, key: k, val: v, rule_conditions: [{type: logsource, category: web}]}\n" +
        `  - {id: j, type: field_name_mapping, ${x}, rule_conditions: [{type: processing_state, key: k, val: v}, {type: processing_item_applied, processing_item_id: i}]}\n` +
        "  - {type: field_name_suffix, suffix: '!', field_name_conditions: [{type: processing_item_applied, processing_item_id: j}]}",
    );
    expect(tree(text, state)).toBe("and(x!=1, b=2)");
    const moved = pipeline(
      "  - {type: change_logsource, product: ours}\n  - {type: field_name_prefix, prefix: o., rule_conditions: [{type: logsource, product: ours}]}",
    );
    expect(tree(text, moved)).toBe("and(o.a=1, o.b=2)");
    const last = pipeline("  - {type: field_name_suffix, suffix: 2}", "priority: 50\n");
    const first = pipeline("  - {type: field_name_suffix, suffix: 1}", "priority: 10\n");
    expect(tree(text, last, first)).toBe("and(a12=1, b12=2)");
  });

  it("change fields that are compared with, filters, and what correlations group by", () => {
    const map = pipeline(
      "  - {type: field_name_mapping, mapping: {a: x, u: user}, rule_conditions: [{type: logsource, product: shop}]}",
    );
    expect(tree(rule("  sel: {c|fieldref: a}"), map)).toBe("c=field x");
    const filter = "title: F\nlogsource: {product: shop}\nfilter:\n  rules: [base]\n  f: {a: 9}\n  condition: not f\n";
    const files = [rule("  sel: {a: 1}"), filter].map((text, at) => ({ file: String(at), text }));
    const [found] = checkRules(files, { pipelines: [map] });
    expect(said((found!.rule as LinkedRule & { kind: "rule" }).root)).toBe("and(x=1, not(x=9))");
    const other = rule("  sel: {a: 1}", "product: other").replace("name: base", "name: other");
    const correlation = (rules: string) =>
      `title: C\ncorrelation:\n  type: value_count\n  rules: [${rules}]\n  group-by: [u]\n  timespan: 1m\n  condition: {field: a, gte: 2}\n`;
    const linked = (rules: string) =>
      checkRules(
        [correlation(rules), rule("  sel: {a: 1}"), other].map((text, at) => ({ file: String(at), text })),
        { pipelines: [map] },
      )[0]!.rule;
    expect(linked("base")).toMatchObject({ rule: { groupBy: ["user"], condition: { fields: ["x"] } } });
    expect(linked("base, other")).toMatchObject({
      rule: {
        groupBy: ["u"],
        aliases: new Map([
          [
            "u",
            new Map([
              ["base", "user"],
              ["other", "u"],
            ]),
          ],
          [
            "a",
            new Map([
              ["base", "x"],
              ["other", "a"],
            ]),
          ],
        ]),
      },
    });
  });

  it("give placeholders their values", () => {
    const vars = "vars: {admins: [root, 'adm*'], unused: x}\n";
    const steps =
      "  - {type: value_placeholders, include: [admins]}\n  - {type: wildcard_placeholders, include: [hosts]}";
    const text = rule("  sel: {a|expand: '%admins%', b|expand: 'h%hosts%'}");
    expect(tree(text, pipeline(steps, vars))).toBe("and(or(a=root, a=adm*), b=h*)");
  });
});

describe("a pipeline is refused with its place", () => {
  it.each([
    ["transformations:\n  - {type: hashes_fields}", '2:12 there is no transformation "hashes_fields" here'],
    ["transformations:\n  - {mapping: {}}", "2:5 the transformation has no type"],
    ["transformations:\n  - {type: field_name_mapping}", "2:5 mapping is missing"],
    ["transformations:\n  - {type: field_name_mapping, mapping: {a: []}}", "2:45 a field is mapped to nothing"],
    [
      "transformations:\n  - {type: set_state, key: a, val: b, field_name_conditions: []}",
      '2:39 "field_name_conditions" is not known of set_state',
    ],
    [
      "transformations:\n  - {type: set_state, key: a, val: b, rule_conditions: [{type: rule_attribute}]}",
      '2:64 rule_conditions of the type "rule_attribute"',
    ],
    [
      "transformations:\n  - {type: drop_detection_item, detection_item_conditions: [{type: match_string}]}",
      "detection_item_conditions of the type",
    ],
    [
      "transformations:\n  - {type: set_state, key: a, val: b, rule_conditions: [{type: logsource, index: x}]}",
      '"index" is not known in this condition',
    ],
    ["transformations:\n  - {type: set_state, key: a, val: b, rule_cond_op: xor}", "rule_cond_op is and, or or"],
    [
      "transformations:\n  - {type: replace_string, regex: '(?=x)', replacement: ''}",
      "2:35 RE2 does not take the regular expression: it looks around",
    ],
    ["transformations:\n  - {type: value_placeholders, include: [who]}", "2:42 there is nothing of that name in vars"],
    ["postprocessing:\n  - {type: embed}", "1:1 postprocessing changes the text of queries"],
    ["nonsense: 1", '1:1 "nonsense" is no key of a pipeline'],
    ["priority: high", "1:11 priority must be a number"],
    ["", "1:1 the pipeline is empty"],
  ])("%j", (text, expected) => {
    let found = "nothing";
    try {
      readPipeline(text);
    } catch (error) {
      if (!(error instanceof RuleFault)) throw error;
      found = `${error.place.line}:${error.place.column} ${error.message}`;
    }
    expect(found).toContain(expected);
  });

  it("and a rule that one refuses, or leaves nothing of, at the rule's place", () => {
    const text = rule("  sel:\n    a: 1\n    b: 2");
    const field = "field_name_conditions: [{type: include_fields, fields: [b]}]";
    expect(tree(text, pipeline(`  - {type: detection_item_failure, message: no b here, ${field}}`))).toBe(
      "7:8 no b here",
    );
    expect(tree(text, pipeline("  - {type: rule_failure, message: not ours}"))).toBe("1:1 not ours");
    expect(tree(text, pipeline("  - {type: drop_detection_item}"))).toContain("leave nothing of the rule");
  });
});

describe("our own pipelines", () => {
  const ours = (name: string) =>
    readPipeline(readFileSync(new URL(`../pipelines/${name}.yml`, import.meta.url), "utf8"));

  it("webserver: rules for access logs find calls", () => {
    const web = rule(
      "  sel:\n    cs-method: POST\n    cs-uri-stem|endswith: /login.php\n    cs-uri-query|contains: id=\n    sc-status: 200\n    c-ip|cidr: 10.0.0.0/8",
      "category: webserver",
    );
    expect(tree(web, ours("webserver"))).toBe(
      "and(protocol=http, and(operation=POST*, resource=*/login.php*, resource=*id=*, status_code=200, or(client_address=cidr, peer_address=cidr)))",
    );
    const exact = rule("  sel: {cs-uri-query: x=1}", "category: proxy");
    expect(tree(exact, ours("webserver"))).toBe("and(protocol=http, resource=*x=1)");
    expect(tree(rule("  sel: {cs-cookie: x}", "category: webserver"), ours("webserver"))).toContain("no such field");
    const extension = rule("  sel: {c-uri-extension: [exe, vbs]}", "category: proxy");
    expect(tree(extension, ours("webserver"))).toBe("and(protocol=http, or(resource=*.exe*, resource=*.vbs*))");
    const windows = rule("  sel: {cs-method: POST}", "product: windows");
    expect(tree(windows, ours("webserver")), "of another logsource").toBe("cs-method=POST");
  });

  it("ecs: names of Elastic and OpenTelemetry are ours", () => {
    const ecs = rule(
      "  sel:\n    service.name: web\n    http.request.method: get\n    url.query|contains: x\n    event.outcome: failure\n    user_agent.original|contains: curl",
      "product: any",
    );
    expect(tree(ecs, ours("ecs"))).toBe(
      "and(service_id=web, operation=get*, resource=*x*, or(status=error, status=denied, status=timeout), user_agent.original=*curl*)",
    );
    expect(tree(rule("  sel: {event.duration: 1}"), ours("ecs"))).toContain("nanoseconds");
  });
});
