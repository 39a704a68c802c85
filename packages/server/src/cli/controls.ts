/**
 * Lines of the standards that an audit log is asked about, what here meets each, and the command that shows it. One
 * table: docs/controls.md is made from it, and a test holds every command, option and route named here to those there
 * are. What a standard asks is said in our own words; its text is the one that counts.
 */

/** partly: this log does its part, and something else has to do the rest. */
export type ControlState = "met" | "partly" | "not met";

export interface Control {
  readonly clause: string;
  readonly asks: string;
  readonly state: ControlState;
  /** What meets it; for `partly` and `not met` also what is missing. */
  readonly by: string;
  /** Command lines, or routes as `GET /api/…`; empty where nothing shows it. */
  readonly shown: readonly string[];
}

export interface Standard {
  readonly name: string;
  readonly controls: readonly Control[];
}

const VERIFY = "tallystick verify FOLDER --vkey KEY";
const READS = "tallystick search --own event_type:ACCESS";
const CHANGES = "tallystick search --own event_type:CONFIG_CHANGE";
const FINDINGS = "tallystick alerts list";

const PCI: Standard = {
  name: "PCI DSS v4.0.1, requirement 10",
  controls: [
    {
      clause: "10.1.1, 10.1.2",
      asks: "Policies, procedures and roles for logging are written down and known.",
      state: "not met",
      by: "An organisation's own papers. docs/access.md says who may do what in this system.",
      shown: [],
    },
    {
      clause: "10.2.1",
      asks: "Logs are on for every component and for cardholder data.",
      state: "partly",
      by: "Coverage names services that are seen in calls and do not record; what nobody calls and nobody records is not seen.",
      shown: ["tallystick coverage", "tallystick producers"],
    },
    {
      clause: "10.2.1.1",
      asks: "Each access of a person to cardholder data is logged.",
      state: "partly",
      by: "The access report lists who read or changed data of a category, as far as producers or `classify` rules mark it.",
      shown: ["GET /api/access-report"],
    },
    {
      clause: "10.2.1.2",
      asks: "Everything done with administrative rights is logged.",
      state: "partly",
      by: "Here each change is a record before it takes effect. In other systems as far as they record.",
      shown: [CHANGES],
    },
    {
      clause: "10.2.1.3",
      asks: "Each access to the logs is logged.",
      state: "met",
      by: "Every read is an ACCESS record before its answer goes out, with who, from where, what was asked and how much was given.",
      shown: [READS],
    },
    {
      clause: "10.2.1.4",
      asks: "Invalid attempts at access are logged.",
      state: "partly",
      by: "Denied calls as recorders send them; refused batches, signatures and impersonation here.",
      shown: ["tallystick search status:denied", "tallystick search --own status:denied"],
    },
    {
      clause: "10.2.1.5",
      asks: "Changes of credentials and of rights are logged.",
      state: "partly",
      by: "Keys, users, batch keys and rotations of this system. In other systems as far as they record.",
      shown: [CHANGES],
    },
    {
      clause: "10.2.1.6",
      asks: "Starting, stopping and pausing of logs is logged.",
      state: "partly",
      by: "Trees opened and closed, tails cut, clean-ups, and gaps and silence of producers. A server's own start and stop is not a record.",
      shown: ["tallystick search --own event_type:LOG_LIFECYCLE", "tallystick producers"],
    },
    {
      clause: "10.2.1.7",
      asks: "Making and deleting of system-level objects is logged.",
      state: "partly",
      by: "Of this log: epochs deleted, bodies and leaves erased. In other systems as far as they record.",
      shown: ["tallystick search --own event_type:LOG_LIFECYCLE", "tallystick search --own event_type:ERASURE"],
    },
    {
      clause: "10.2.2",
      asks: "Each entry says who, what, when, whether it succeeded, from where, and what it touched.",
      state: "met",
      by: "Fields of every record; beside them what the server observed of the sender.",
      shown: ["tallystick search --json"],
    },
    {
      clause: "10.3.1",
      asks: "Only who needs it may read the logs.",
      state: "met",
      by: "Roles with scopes by log, service and data class; bodies need a permission and a reason.",
      shown: ["tallystick users list", "tallystick keys list"],
    },
    {
      clause: "10.3.2",
      asks: "Nobody can change the logs.",
      state: "met",
      by: "Sealed segments, each frame bound to the one before, under a Merkle tree whose checkpoints are signed.",
      shown: [VERIFY],
    },
    {
      clause: "10.3.3",
      asks: "Logs are soon copied to a central server that is hard to change.",
      state: "partly",
      by: "This is that server for its producers; checkpoints go elsewhere by `ledger.copies`. A copy of the folder is yours to make, and `doctor` looks how old it is.",
      shown: ["tallystick doctor --backup FOLDER"],
    },
    {
      clause: "10.3.4",
      asks: "Changes of log data are detected and raise an alert.",
      state: "partly",
      by: "Verification finds any changed byte and ends with exit code 1; run it by a timer and let its exit code raise the alert. A journal that was cut and leaves that were erased are alerts of the built-in rules.",
      shown: [VERIFY, "tallystick verify URL --vkey KEY --since CHECKPOINT", "tallystick rules list"],
    },
    {
      clause: "10.4.1, 10.4.1.1",
      asks: "Security events are reviewed each day, by automated mechanisms.",
      state: "partly",
      by: "Built-in rules and detectors look at every record within seconds and raise alerts, and those alerts are records. Of systems that do not record here nothing is reviewed.",
      shown: [FINDINGS, "tallystick rules list", "tallystick detectors list"],
    },
    {
      clause: "10.4.2, 10.4.2.1, 10.4.3",
      asks: "Other logs are reviewed at a frequency that fits the risk, and what is found is followed up.",
      state: "partly",
      by: "Rules run over every log; what became of each alert (acknowledged, assigned, resolved, by whom) is a record. How often people look at the rest, and why, is for the organisation to set.",
      shown: [FINDINGS, "tallystick search --own event_type:ALERT"],
    },
    {
      clause: "10.5.1",
      asks: "Twelve months are kept, the last three at hand at once.",
      state: "met",
      by: "`retention.keep` is 13 months by default and a minimum; the index holds all of it unless `index.keep` says less.",
      shown: ["tallystick retain plan"],
    },
    {
      clause: "10.6.1 to 10.6.3",
      asks: "Clocks are in step, from an approved source, and their settings protected.",
      state: "partly",
      by: "Skew of each producer is measured and clocks too far off are findings. The server's own clock is NTP's affair; doctor looks.",
      shown: ["tallystick doctor", "tallystick producers"],
    },
    {
      clause: "10.7.1 to 10.7.3",
      asks: "Failures of logging are detected, alerted and answered.",
      state: "partly",
      by: "Gaps, lost tails and silence of each producer are told and raise alerts; a heartbeat to a monitor elsewhere stays out when detection or alerting stands still. Mending it is yours.",
      shown: ["tallystick producers", FINDINGS, "GET /metrics"],
    },
  ],
};

const HIPAA: Standard = {
  name: "HIPAA Security Rule, 45 CFR 164.312(b) audit controls",
  controls: [
    {
      clause: "164.312(b), record",
      asks: "Mechanisms record activity in systems that hold health information.",
      state: "partly",
      by: "Calls between services, both halves, and every read of the log. What happens inside a service is for it to record.",
      shown: ["tallystick coverage", "GET /api/access-report"],
    },
    {
      clause: "164.312(b), examine",
      asks: "Mechanisms let that activity be examined.",
      state: "met",
      by: "Search, timelines of a person or key, traces, and reports of who touched data of a person or category.",
      shown: ["tallystick search data_categories:phi", "tallystick timeline", "GET /api/access-report"],
    },
  ],
};

const SOC2: Standard = {
  name: "SOC 2, common criteria CC7",
  controls: [
    {
      clause: "CC7.1",
      asks: "Changes of configuration and new weaknesses are detected.",
      state: "partly",
      by: "Each change of this system's configuration is a record, and doctor names its weaknesses. Of other systems it knows calls only.",
      shown: [CHANGES, "tallystick doctor"],
    },
    {
      clause: "CC7.2",
      asks: "Systems are watched for anomalies, and these are judged.",
      state: "partly",
      by: "Rules, detectors and learned baselines look at every record; each finding says what was expected, what was seen and how to check it. Only what is recorded here is watched.",
      shown: ["tallystick rules list", "tallystick detectors list", FINDINGS],
    },
    {
      clause: "CC7.3",
      asks: "Security events are evaluated.",
      state: "partly",
      by: "An alert with its records, both halves of a call, the trace, the timeline of a credential; who took it on and what he decided is a record. The judgement is a person's.",
      shown: ["tallystick alerts show ID", "tallystick trace ID", "tallystick timeline"],
    },
    {
      clause: "CC7.4",
      asks: "Incidents are answered.",
      state: "partly",
      by: "People are told by webhook, Slack, PagerDuty, Alertmanager or mail; a credential or an edge is blocked where enforcers ask, until it is undone, and a key is revoked at once. The plan of an incident is the organisation's.",
      shown: ["tallystick alerts channels", "tallystick respond block", "tallystick keys revoke KEY"],
    },
    {
      clause: "CC7.5",
      asks: "Systems recover from incidents.",
      state: "partly",
      by: "The server recovers from kill and power loss by itself, everything derived is built anew from the journal, and a backup becomes a folder again that is verified. Other systems recover by themselves.",
      shown: ["tallystick fsck FOLDER --repair", "tallystick reindex", "tallystick restore BACKUP"],
    },
  ],
};

const ISO: Standard = {
  name: "ISO/IEC 27001:2022, annex A",
  controls: [
    {
      clause: "A.8.15, produced",
      asks: "Logs of activities, exceptions and faults are made, with who, what, when and where.",
      state: "partly",
      by: "Of calls between services, of this log's own life and of every read of it. What happens inside a service is for it to record.",
      shown: ["tallystick search", "tallystick coverage"],
    },
    {
      clause: "A.8.15, stored and protected",
      asks: "Logs are kept, and protected against change and reading.",
      state: "met",
      by: "Encrypted under keys of a KMS, chained, signed; roles and scopes; retention with holds.",
      shown: [VERIFY, "tallystick retain plan"],
    },
    {
      clause: "A.8.15, analysed",
      asks: "Logs are analysed.",
      state: "partly",
      by: "Pairing of halves, service map, bottlenecks, and rules, detectors and baselines over every record. Only what is recorded here is analysed.",
      shown: ["tallystick tally", "tallystick graph", "tallystick rules list", FINDINGS],
    },
    {
      clause: "A.8.16",
      asks: "Networks, systems and applications are watched for anomalous behaviour.",
      state: "partly",
      by: "Calls between services are watched by rules, detectors and baselines, and what is found is an alert within seconds. Hosts and networks only as far as they record here.",
      shown: ["tallystick detectors list", FINDINGS],
    },
    {
      clause: "A.8.17",
      asks: "Clocks are synchronised to an approved source.",
      state: "partly",
      by: "The skew of every producer is measured; the source is yours to approve.",
      shown: ["tallystick doctor", "tallystick producers"],
    },
  ],
};

const DORA: Standard = {
  name: "DORA, RTS (EU) 2024/1774, Article 12",
  controls: [
    {
      clause: "12(1)",
      asks: "Procedures, protocols and tools for logging exist.",
      state: "partly",
      by: "A tool and its protocols. The procedures are the entity's.",
      shown: ["tallystick serve"],
    },
    {
      clause: "12(2)(a)",
      asks: "The events, the retention, and how log data is secured are laid down.",
      state: "partly",
      by: "Retention by log, a minimum and a maximum; which events, the entity decides.",
      shown: ["tallystick config", "tallystick retain plan"],
    },
    {
      clause: "12(2)(b)",
      asks: "Detail is enough to detect anomalous activities.",
      state: "partly",
      by: "Both sides of each call with identity, credential, outcome, sizes and times; what the built-in detectors need of a record is listed with each. Whether that fits the purpose is the entity's to say.",
      shown: ["tallystick search --json", "tallystick detectors list"],
    },
    {
      clause: "12(2)(c)",
      asks: "Access control and identity, capacity, change, operations and network traffic are logged.",
      state: "partly",
      by: "Identity and calls over the network; capacity, change and operations as far as systems send them.",
      shown: ["tallystick coverage", "tallystick graph"],
    },
    {
      clause: "12(2)(d)",
      asks: "Logs are protected against tampering, deletion and unauthorised access, at rest, in transit and in use.",
      state: "met",
      by: "TLS and client certificates; encryption under a KMS or HSM; proofs; roles; deletion only of whole epochs, with a record; a second person.",
      shown: [VERIFY, "tallystick doctor", "tallystick approvals list"],
    },
    {
      clause: "12(2)(e)",
      asks: "Failure of logging is detected.",
      state: "met",
      by: "Numbered records: gaps, lost tails, silence and restarts of each producer are told and raise alerts, with figures for a monitor and a heartbeat that stays out when the server stands still.",
      shown: ["tallystick producers", FINDINGS, "GET /metrics"],
    },
    {
      clause: "12(2)(f)",
      asks: "Clocks follow a documented, reliable source.",
      state: "partly",
      by: "Skew is measured against the server's clock; the source is yours to document.",
      shown: ["tallystick doctor"],
    },
    {
      clause: "12(3)",
      asks: "The retention period follows business and security objectives, the purpose of the log and its risk.",
      state: "partly",
      by: "A period for each log, and for each class of data that is routed to a log of its own; shorter ones need a second person. Which periods is the entity's to decide.",
      shown: ["tallystick retain plan"],
    },
  ],
};

export const STANDARDS: readonly Standard[] = [PCI, HIPAA, SOC2, ISO, DORA];
