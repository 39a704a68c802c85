interface SwitchProps {
  /** What it switches. */
  readonly label: string;
  readonly isOn: boolean;
  readonly change: (on: boolean) => void;
  readonly disabled?: boolean;
}

/** On or off, at once. */
export function Switch({ label, isOn, change, disabled = false }: SwitchProps) {
  return (
    <button
      aria-checked={isOn}
      aria-label={label}
      className="inline-flex h-6 w-16 cursor-pointer items-center gap-1.5 disabled:cursor-wait disabled:opacity-55"
      disabled={disabled}
      onClick={() => change(!isOn)}
      role="switch"
      type="button"
    >
      <span
        aria-hidden="true"
        className={`relative h-4 w-7 rounded-full border ${isOn ? "border-accent bg-accent" : "border-quiet bg-raised"}`}
      >
        <span
          className={`absolute top-0.5 h-2.5 w-2.5 rounded-full ${isOn ? "left-3.5 bg-ground" : "left-0.5 bg-quiet"}`}
        />
      </span>
      <span className={`self-baseline leading-6 ${isOn ? "" : "text-quiet"}`}>{isOn ? "on" : "off"}</span>
    </button>
  );
}
