import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { Screen } from "../page/panel.tsx";
import { SearchLink, term } from "../page/links.tsx";
import { Empty } from "../page/states.tsx";
import { PeriodPicker } from "../page/period-picker.tsx";
import { Changes } from "./changes.tsx";
import { Figures } from "./figures.tsx";
import { Neighbours } from "./neighbours.tsx";
import { Operations } from "./operations.tsx";
import { ServiceTimeline } from "./timeline-view.tsx";
import { useNowMs, useService } from "./use-health.ts";
import { Verdict } from "./verdict.tsx";
import { anewEveryMs, periodAt } from "./window.ts";

/** The screen of three in the morning: how a service is, since when, why, and an example of it. */
export function ServicePage() {
  const { name, from, to } = useSearch({ from: "/service" });
  const navigate = useNavigate({ from: "/service" });
  const nowMs = useNowMs(anewEveryMs(periodAt(0, from, to)));
  const period = useMemo(() => periodAt(nowMs, from, to), [nowMs, from, to]);
  const choose = (chosen: { readonly from?: string | undefined; readonly to?: string | undefined }) =>
    void navigate({ search: { name, ...chosen } });
  if (name === undefined || name === "")
    return (
      <Screen title="Service">
        <Empty>The address names no service. Ctrl K finds one by its name.</Empty>
      </Screen>
    );
  return <Found choose={choose} from={from} name={name} period={period} to={to} />;
}

interface FoundProps {
  readonly name: string;
  readonly period: ReturnType<typeof periodAt>;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly choose: (chosen: { readonly from?: string | undefined; readonly to?: string | undefined }) => void;
}

function Found({ name, period, from, to, choose }: FoundProps) {
  const found = useService(name, period);
  const anyRecord = `${term("caller", name)} OR ${term("callee", name)}`;
  return (
    <Screen
      actions={
        <>
          <SearchLink from={from} q={anyRecord} to={to}>
            All its records
          </SearchLink>
          <PeriodPicker choose={choose} from={from} to={to} />
        </>
      }
      says={found.kind === "counterpart" ? "It records nothing itself; this is what its callers say." : undefined}
      title={name}
    >
      <Verdict found={found} name={name} period={period} />
      <Figures choose={choose} found={found} name={name} period={period} />
      <div className="grid items-start gap-4 xl:grid-cols-[3fr_2fr] xl:grid-rows-[auto_1fr]">
        <Operations found={found} name={name} period={period} />
        <div className="min-w-0 xl:row-span-2">
          <Changes enabled={found.isToldHow} name={name} onset={found.onset} period={period} />
        </div>
        <Neighbours from={from} found={found} name={name} to={to} />
      </div>
      <ServiceTimeline enabled={found.isToldHow} name={name} period={period} />
    </Screen>
  );
}
