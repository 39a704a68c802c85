import { describe, expect, test } from "vitest";

import { logs, prepared, sendLogs, text } from "./requests.contract.ts";

describe("log records", () => {
  test("one that carries audit fields becomes a record: by attributes, by a body map, by a body of JSON", async () => {
    const article = {
      timestamp: "2023-10-05T08:20:43Z",
      event_type: "API_CALL",
      service_id: "service-a",
      target_id: "service-b",
      request_id: "xyz-123",
      status: "success",
    };
    const values = Object.entries(article).map(([key, value]) => text(key, value));
    const records = await sendLogs(
      logs(
        "service-a",
        { timeUnixNano: "1794999999123456789", attributes: values },
        { timeUnixNano: "1794999999123456789", body: { kvlistValue: { values: [...values, text("colour", "red")] } } },
        { timeUnixNano: "1794999999123456789", body: { stringValue: JSON.stringify(article) } },
      ),
    );
    expect(records).toHaveLength(3);
    for (const record of records)
      expect(record).toMatchObject({ ...article, side: "caller", recorder_id: "service-a" });
    expect(records[1]?.attributes).toMatchObject({ colour: "red" });
  });

  test("an event_type of somebody else's is no reason to lose the log", async () => {
    const [record] = await sendLogs(
      logs("a", {
        timeUnixNano: "1794999999123456789",
        attributes: [text("event_type", "user.login")],
        body: { stringValue: "hi" },
      }),
    );
    expect(record).toMatchObject({
      event_type: "LOG",
      side: "observer",
      recorder_id: "a",
      attributes: { event_type: "user.login", "log.body": "hi" },
    });
  });

  test("sent again it has its id again; twins in one request are two records", async () => {
    const line = { timeUnixNano: "1794999999123000000", body: { stringValue: "retrying" } };
    const [first, second] = await sendLogs(logs("a", line, line));
    expect(first?.id).not.toBe(second?.id);
    expect((await sendLogs(logs("a", line, line))).map((record) => record.id)).toEqual([first?.id, second?.id]);
    const timeless = await prepared({
      format: "otlp-logs-json",
      body: Buffer.from(JSON.stringify(logs("a", { body: { stringValue: "x" } }))),
    });
    expect([...timeless.records.identified]).toEqual([0]);
  });
});
