"""Reads /metrics/edges with the OpenMetrics parser of Prometheus' own Python client; prints what it read as JSON."""

import json
import os
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

request = urllib.request.Request(
    os.environ["TALLYSTICK_URL"] + "/metrics/edges",
    headers={
        "Authorization": "Bearer " + os.environ["TALLYSTICK_TOKEN"],
        "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3",
    },
)
with urllib.request.urlopen(request) as response:
    content_type = response.headers["Content-Type"]
    text = response.read().decode("utf-8")

families = [
    {
        "name": family.name,
        "type": family.type,
        "unit": family.unit,
        "samples": [[sample.name, sample.labels, sample.value] for sample in family.samples],
    }
    for family in text_string_to_metric_families(text)
]
print(json.dumps({"content_type": content_type, "families": families}))
