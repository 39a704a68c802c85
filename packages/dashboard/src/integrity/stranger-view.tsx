import type { ReactNode } from "react";
import type { Tree } from "../client/types.ts";
import { Panel } from "../page/panel.tsx";

/** Everything that somebody needs who trusts neither this page nor its server. */
export function StrangerView({ tree }: { readonly tree: Tree }) {
  const origin = location.origin;
  return (
    <Panel note="without this server's word for it" title="What a stranger needs">
      <dl className="flex flex-col gap-3">
        <Item title="The public key of the tree, given by another way than this server">
          <Code>{tree.vkey}</Code>
        </Item>
        <Item title="The command: every tile, every signature, and every record where a token may read them">
          <Code>{`npx tallystick-verify ${origin}/trees/${tree.tree} --vkey '${tree.vkey}'`}</Code>
        </Item>
        <Item title="With a checkpoint kept from an earlier day, so that a rewritten past is found">
          <Code>{`npx tallystick-verify ${origin}/trees/${tree.tree} --since checkpoint.txt`}</Code>
        </Item>
        <Item title="On the server's machine: everything derived anew from the journal and compared">
          <Code>tallystick fsck --data ./tallystick-data</Code>
        </Item>
        <Item title="The formats are public: C2SP tlog-tiles, signed notes, RFC 6962 hashing">
          <a className="text-accent underline" href={`/trees/${tree.tree}/checkpoint`}>
            checkpoint
          </a>
          {" · "}
          <a className="text-accent underline" href={`/trees/${tree.tree}/chain`}>
            chain of epochs
          </a>
        </Item>
      </dl>
    </Panel>
  );
}

function Item({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt className="text-quiet">{title}</dt>
      <dd className="mt-1">{children}</dd>
    </div>
  );
}

function Code({ children }: { readonly children: string }) {
  return (
    <code className="block rounded border border-line bg-raised px-3 py-2 font-mono text-xs break-all select-all">
      {children}
    </code>
  );
}
