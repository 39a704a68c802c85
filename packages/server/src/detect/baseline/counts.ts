/**
 * How unlikely a count is: Chernoff's bounds of the Poisson and of the binomial tail, in decimal digits, divided by how
 * much more the counts vary than chance alone lets them (overdispersion). Sound for one call an hour as for thousands.
 */

/** −log10 of the chance of `count` or more (or, below the mean, or fewer) where `mean` is expected. */
export function countSurprise(count: number, mean: number, dispersion = 1): number {
  const expected = Math.max(mean, 0.05);
  const exponent = count === 0 ? expected : count * Math.log(count / expected) - count + expected;
  return exponent / Math.max(1, dispersion) / Math.LN10;
}

/** −log10 of the chance of so many among `of`, or more, where a share is expected. */
export function shareSurprise(count: number, of: number, share: number, dispersion = 1): number {
  if (of === 0) return 0;
  const seen = count / of;
  const expected = Math.min(Math.max(share, 0.5 / (of + 100)), 0.999);
  if (seen <= expected) return 0;
  const part = (one: number, other: number) => (one === 0 ? 0 : one * Math.log(one / other));
  return (of * (part(seen, expected) + part(1 - seen, 1 - expected))) / Math.max(1, dispersion) / Math.LN10;
}
