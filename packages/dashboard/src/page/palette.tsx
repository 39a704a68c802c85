import { useNavigate } from "@tanstack/react-router";
import { useRef, useState, type KeyboardEvent } from "react";
import type { Graph } from "../client/graph.ts";
import { useApi } from "../client/use-api.ts";
import { Dialog } from "./dialog.tsx";
import { placesFor } from "./places.ts";
import { useWho } from "./who.ts";

interface Choice {
  readonly title: string;
  readonly says: string;
  readonly go: () => void;
}

const MAX_SERVICES = 8;

/** One box for everything: a screen, a service, an id that was pasted, or words to search for. */
export function Palette({ close, showHelp }: { readonly close: () => void; readonly showHelp: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const choices = useChoices(text.trim(), showHelp);
  const list = useRef<HTMLUListElement>(null);
  const chosen = Math.min(at, choices.length - 1);
  const choose = (choice: Choice | undefined) => {
    close();
    choice?.go();
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") choose(choices[chosen]);
    if (step === undefined) return;
    event.preventDefault();
    const next = (chosen + step + choices.length) % choices.length;
    setAt(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  return (
    <Dialog close={close} label="Command palette">
      <input
        aria-activedescendant={choices.length === 0 ? undefined : `choice-${chosen}`}
        aria-autocomplete="list"
        aria-controls="choices"
        aria-expanded="true"
        aria-label="Go to"
        autoComplete="off"
        autoFocus
        className="w-full border-b border-line bg-ground px-4 py-3 text-base outline-none"
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={move}
        placeholder="A screen, a service, an id, or words to search for"
        role="combobox"
        spellCheck={false}
        value={text}
      />
      <ul className="max-h-[50vh] overflow-y-auto p-2" id="choices" ref={list} role="listbox" aria-label="Choices">
        {choices.map((choice, place) => (
          <li
            aria-selected={place === chosen}
            className={`flex cursor-pointer gap-3 rounded px-3 py-2 ${place === chosen ? "bg-accent-ground text-accent" : ""}`}
            id={`choice-${place}`}
            key={`${choice.title} ${choice.says}`}
            onClick={() => choose(choice)}
            onMouseMove={() => setAt(place)}
            role="option"
          >
            <span className="min-w-0 truncate font-medium">{choice.title}</span>
            <span className={`ml-auto shrink-0 ${place === chosen ? "" : "text-quiet"}`}>{choice.says}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

const ID = /^[0-9a-z][0-9a-z_.:/-]{7,}$/i;

function useChoices(text: string, showHelp: () => void): readonly Choice[] {
  const navigate = useNavigate();
  const { permissions } = useWho();
  const graph = useApi<Graph>("/api/graph", { from: "now-1d" });
  const words = text.toLowerCase();
  const has = (title: string) => title.toLowerCase().includes(words);
  const places = placesFor(permissions).flatMap((group) => group.places);
  const screens = places
    .filter(({ title }) => has(title))
    .map((place): Choice => ({
      title: place.title,
      says: `g ${place.key}`,
      go: () => void navigate({ to: place.to }),
    }));
  const services = (graph.data?.services ?? [])
    .filter(({ name }) => words !== "" && has(name))
    .slice(0, MAX_SERVICES)
    .map(({ name }): Choice => ({
      title: name,
      says: "service",
      go: () => void navigate({ to: "/service", search: { name } }),
    }));
  const help = has("keyboard help") ? [{ title: "Keyboard", says: "?", go: showHelp }] : [];
  if (text === "") return [...screens, ...help];
  const looksLikeId = ID.test(text) && /\d/.test(text);
  const ids: readonly Choice[] = looksLikeId
    ? [
        { title: text, says: "open as trace", go: () => void navigate({ to: "/trace", search: { id: text } }) },
        {
          title: text,
          says: "open as credential",
          go: () => void navigate({ to: "/credential", search: { id: text } }),
        },
      ]
    : [];
  const search: Choice = {
    title: text,
    says: "search records",
    go: () => void navigate({ to: "/search", search: { q: text } }),
  };
  return looksLikeId ? [ids[0]!, search, ids[1]!, ...services] : [...services, ...screens, search, ...help];
}
