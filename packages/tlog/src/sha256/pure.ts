/**
 * SHA-256 (FIPS 180-4) without any platform, synchronous because a tree is hashed node by node and WebCrypto answers
 * with promises. One block buffer and one schedule, reused: nothing is allocated in a call.
 */
export function sha256Into(input: Uint8Array, target: Uint8Array, offset: number): void {
  state.set(INITIAL);
  const whole = input.length - (input.length % 64);
  for (let at = 0; at < whole; at += 64) compress(input, at);
  finish(input, whole);
  for (let word = 0; word < 8; word++) {
    const value = state[word]!;
    target[offset + word * 4] = value >>> 24;
    target[offset + word * 4 + 1] = value >>> 16;
    target[offset + word * 4 + 2] = value >>> 8;
    target[offset + word * 4 + 3] = value;
  }
}

/** Fractional parts of the square roots of the first 8 primes, and of the cube roots of the first 64. */
const INITIAL = rootFractions(8, (prime) => Math.sqrt(prime));
const ROUND = rootFractions(64, (prime) => Math.cbrt(prime));

const state = new Uint32Array(8);
const schedule = new Uint32Array(64);
const tail = new Uint8Array(128);

/**
 * Bits 1 … 32 after the point. A double holds 52 bits of which at most 5 stand before the point, so the cut is exact.
 */
function rootFractions(count: number, root: (prime: number) => number): Uint32Array {
  const fractions = new Uint32Array(count);
  for (let found = 0, candidate = 2; found < count; candidate++) {
    if (!isPrime(candidate)) continue;
    const value = root(candidate);
    fractions[found++] = Math.floor((value - Math.floor(value)) * 2 ** 32);
  }
  return fractions;
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
  return true;
}

function finish(input: Uint8Array, from: number): void {
  const rest = input.length - from;
  const length = rest < 56 ? 64 : 128;
  tail.fill(0, 0, length);
  for (let at = 0; at < rest; at++) tail[at] = input[from + at]!;
  tail[rest] = 0x80;
  const bits = input.length * 8;
  writeUint32(length - 8, Math.floor(bits / 2 ** 32));
  writeUint32(length - 4, bits >>> 0);
  for (let at = 0; at < length; at += 64) compress(tail, at);
}

function writeUint32(at: number, value: number): void {
  tail[at] = value >>> 24;
  tail[at + 1] = value >>> 16;
  tail[at + 2] = value >>> 8;
  tail[at + 3] = value;
}

function expand(block: Uint8Array, start: number): void {
  const w = schedule;
  for (let t = 0, at = start; t < 16; t++, at += 4) {
    w[t] = (block[at]! << 24) | (block[at + 1]! << 16) | (block[at + 2]! << 8) | block[at + 3]!;
  }
  for (let t = 16; t < 64; t++) {
    const near = w[t - 2]!;
    const far = w[t - 15]!;
    const sigma1 = ((near >>> 17) | (near << 15)) ^ ((near >>> 19) | (near << 13)) ^ (near >>> 10);
    const sigma0 = ((far >>> 7) | (far << 25)) ^ ((far >>> 18) | (far << 14)) ^ (far >>> 3);
    w[t] = (sigma1 + w[t - 7]! + sigma0 + w[t - 16]!) | 0;
  }
}

function compress(block: Uint8Array, start: number): void {
  expand(block, start);
  const w = schedule;
  const k = ROUND;
  let a = state[0]! | 0;
  let b = state[1]! | 0;
  let c = state[2]! | 0;
  let d = state[3]! | 0;
  let e = state[4]! | 0;
  let f = state[5]! | 0;
  let g = state[6]! | 0;
  let h = state[7]! | 0;
  for (let t = 0; t < 64; t++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + sum1 + ((e & f) ^ (~e & g)) + k[t]! + w[t]!) | 0;
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
