/**
 * MQTT with the spans that OpenTelemetry's messaging conventions ask for: a PRODUCER span where a message is
 * published, a CONSUMER span where it is processed, joined by a traceparent. MQTT 3.1.1 has no headers, so a message
 * is an envelope of headers and body.
 */
import { randomUUID } from "node:crypto";
import { context, propagation, SpanKind, SpanStatusCode, trace, type Span } from "@opentelemetry/api";
import { connectAsync } from "mqtt";
import type { ServiceSetup } from "./setup.ts";

export interface Queue {
  publish(topic: string, message: Readonly<Record<string, unknown>>): Promise<void>;
  consume(topic: string, work: (message: Readonly<Record<string, unknown>>) => Promise<void>): Promise<void>;
}

interface Envelope {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function openQueue(setup: ServiceSetup): Promise<Queue> {
  const client = await connectAsync(setup.peers["broker"] ?? "", {
    clientId: `${setup.name}-${randomUUID()}`,
  });
  const tracer = trace.getTracer("fleet-queue");
  const attributes = { "messaging.system": "mqtt", "service.peer.name": "broker" };
  return {
    async publish(topic, message) {
      const id = randomUUID();
      const options = {
        kind: SpanKind.PRODUCER,
        attributes: { ...attributes, ...describe("publish", "send", topic, id) },
      };
      await tracer.startActiveSpan(`publish ${topic}`, options, async (span) => {
        const headers: Record<string, string> = {};
        propagation.inject(context.active(), headers);
        const envelope: Envelope = { id, headers, body: message };
        await finish(span, async () => {
          await client.publishAsync(topic, JSON.stringify(envelope), { qos: 1 });
        });
      });
    },
    async consume(topic, work) {
      client.on("message", (_topic, payload) => {
        const { id, headers, body } = JSON.parse(payload.toString()) as Envelope;
        const parent = propagation.extract(context.active(), headers);
        const options = {
          kind: SpanKind.CONSUMER,
          attributes: { ...attributes, ...describe("process", "process", topic, id) },
        };
        tracer.startActiveSpan(`process ${topic}`, options, parent, (span) => {
          void finish(span, () => work(body)).catch(() => {});
        });
      });
      await client.subscribeAsync(topic, { qos: 1 });
    },
  };
}

function describe(name: string, type: string, topic: string, id: string) {
  return {
    "messaging.operation.name": name,
    "messaging.operation.type": type,
    "messaging.destination.name": topic,
    "messaging.message.id": id,
  };
}

async function finish(span: Span, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
    throw error;
  } finally {
    span.end();
  }
}
