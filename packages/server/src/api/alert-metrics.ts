/** Figures of alerting for Prometheus. */
import type { Alert } from "../alert/alert.ts";
import type { Heartbeat } from "../alert/heartbeat.ts";
import type { ChannelFigures, Outbox } from "../alert/notify/outbox.ts";
import type { Alerting } from "../alert/open-alerting.ts";
import { LEVELS } from "../detect/finding.ts";
import type { Reading } from "./metrics.ts";

export interface AlertReadings {
  /** Open ones. */
  readonly alerts: readonly { readonly level: string; readonly state: string; readonly count: number }[];
  readonly channels: readonly ChannelFigures[];
  readonly queued: number;
  readonly dead: number;
  readonly blocks: number;
  /** When a heartbeat last arrived, in microseconds; 0: never. */
  readonly heartbeatAtUs: number;
  /** Parts of detection and alerting that stand still. */
  readonly still: readonly string[];
}

export function alertReadings(alerting: Alerting, outbox: Outbox, heartbeat: Heartbeat): AlertReadings {
  const open = alerting.alerts.list().filter(({ state }) => state !== "resolved");
  const count = (test: (alert: Alert) => boolean) => open.filter(test).length;
  const notices = alerting.notices.list();
  return {
    alerts: LEVELS.flatMap((level) =>
      ["firing", "acknowledged"].map((state) => ({
        level,
        state,
        count: count((alert) => alert.finding.level === level && alert.state === state),
      })),
    ),
    channels: outbox.figures(),
    queued: notices.filter(({ state }) => state === "queued").length,
    dead: notices.filter(({ state }) => state === "dead").length,
    blocks: alerting.responses.blocks.active().length,
    heartbeatAtUs: heartbeat.toldAtUs(),
    still: heartbeat.still(),
  };
}

export const ALERT_GAUGES: readonly Reading[] = [
  [
    "tallystick_alerts",
    "Open alerts",
    ["level", "state"],
    ({ alerting }) => alerting.alerts.map(({ level, state, count }) => [{ level, state }, count] as const),
  ],
  ["tallystick_notifications_queued", "Notifications on their way", [], ({ alerting }) => [[{}, alerting.queued]]],
  [
    "tallystick_notifications_dead",
    "Notifications that were given up and wait for somebody to send them again",
    [],
    ({ alerting }) => [[{}, alerting.dead]],
  ],
  ["tallystick_blocks", "Blocks in force", [], ({ alerting }) => [[{}, alerting.blocks]]],
  [
    "tallystick_heartbeat_seconds",
    "When a heartbeat last arrived, in seconds since 1970",
    [],
    ({ alerting }) => (alerting.heartbeatAtUs === 0 ? [] : [[{}, alerting.heartbeatAtUs / 1_000_000]]),
  ],
  [
    "tallystick_detection_still",
    "1 for each part of detection and alerting that stands still",
    ["part"],
    ({ alerting }) => alerting.still.map((part) => [{ part }, 1] as const),
  ],
];

export const ALERT_COUNTERS: readonly Reading[] = [
  [
    "tallystick_notifications_total",
    "Notifications by what became of each try",
    ["channel", "outcome"],
    ({ alerting }) =>
      alerting.channels.flatMap(({ channel, delivered, failed, dead }) => [
        [{ channel, outcome: "delivered" }, delivered] as const,
        [{ channel, outcome: "failed" }, failed] as const,
        [{ channel, outcome: "dead" }, dead] as const,
      ]),
  ],
];
