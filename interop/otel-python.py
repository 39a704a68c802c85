"""Spans of every kind and two log records, exported twice by OpenTelemetry's own OTLP/HTTP exporters."""

import logging

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

logging.basicConfig(level=logging.ERROR)


def tracer_of(service, memory):
    resource = Resource.create({"service.name": service, "deployment.environment.name": "interop"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider.get_tracer("interop")


spans = InMemorySpanExporter()
shop, pay = tracer_of("shop", spans), tracer_of("pay", spans)

client = {"http.request.method": "POST", "url.full": "http://pay/charge?token=hunter2", "server.address": "pay",
          "server.port": 80, "http.response.status_code": 200, "service.peer.name": "pay"}
server = {"http.request.method": "POST", "http.route": "/charge", "url.path": "/charge", "http.response.status_code": 200,
          "client.address": "10.0.0.7", "http.request.header.authorization": ["Bearer hunter2"]}
with shop.start_as_current_span("work", kind=SpanKind.INTERNAL):
    with shop.start_as_current_span("POST", kind=SpanKind.CLIENT, attributes=client):
        with pay.start_as_current_span("POST /charge", kind=SpanKind.SERVER, attributes=server):
            pass
    query = {"db.system.name": "postgresql", "db.query.text": "SELECT * FROM users WHERE password = 'hunter2'",
             "db.operation.name": "SELECT", "db.collection.name": "users", "server.address": "db"}
    with shop.start_as_current_span("SELECT users", kind=SpanKind.CLIENT, attributes=query):
        pass
    message = {"messaging.system": "kafka", "messaging.destination.name": "paid", "messaging.operation.type": "send"}
    with shop.start_as_current_span("send paid", kind=SpanKind.PRODUCER, attributes=message) as sent:
        link = trace.Link(sent.get_span_context())
with pay.start_as_current_span("process paid", kind=SpanKind.CONSUMER, links=[link],
                               attributes={**message, "messaging.operation.type": "process"}):
    pass

exporter = OTLPSpanExporter()
for _ in range(2):
    assert exporter.export(spans.get_finished_spans()) is SpanExportResult.SUCCESS

kept = InMemoryLogRecordExporter()
provider = LoggerProvider(resource=Resource.create({"service.name": "shop", "deployment.environment.name": "interop"}))
provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
logger = provider.get_logger("interop")
logger.emit(LogRecord(timestamp=1_790_000_000_000_000_000, severity_number=SeverityNumber.INFO, body="started"))
logger.emit(LogRecord(timestamp=1_790_000_000_000_000_001, body="login", attributes={
    "tallystick.event_type": "AUTH", "tallystick.service_id": "shop", "tallystick.target_id": "idp", "tallystick.status": "success"}))
log_exporter = OTLPLogExporter()
for _ in range(2):
    assert log_exporter.export(kept.get_finished_logs()).name == "SUCCESS"
