/** Where somebody was when he left for the identity provider: an address of this dashboard, for this tab alone. */
const KEPT = "tallystick.return";

export const returnAddress = {
  keep(): void {
    sessionStorage.setItem(KEPT, `${location.pathname}${location.search}`);
  },
  /** Once; null when there is none, or when it is no address of ours. */
  take(): string | null {
    const address = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    return address !== null && /^\/(?!\/)/.test(address) ? address : null;
  },
};
