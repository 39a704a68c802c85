/** What a new rule begins as: it can be tried at once, and reads as an example. */
export function ruleTemplate(): string {
  return `title: A call is refused
id: ${newId()}
description: >-
  A call was denied: a credential that ran out,
  or somebody who tries.
level: medium
tags:
  - attack.t1078
logsource:
  product: tallystick
  category: call
detection:
  refused:
    status: denied
  condition: refused
`;
}

/** The same text under ids of its own, so that it stands beside the one it was made of. */
export function ownCopy(text: string): string {
  return text.replaceAll(/^id:.*$/gm, () => `id: ${newId()}`);
}

/** Pages over plain HTTP have no `randomUUID`. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
