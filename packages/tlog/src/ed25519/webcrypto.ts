/**
 * RFC 8032 Ed25519 by WebCrypto. False for a signature that does not verify and for a key that is none. Rejects where
 * the platform has no Ed25519 (a page that is not served securely has no WebCrypto at all): "cannot check" is never
 * reported as "checked".
 */
export async function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const { crypto } = globalThis as Surroundings;
  const subtle = crypto?.subtle;
  if (subtle === undefined)
    throw new Error("signatures cannot be checked here: open the page over https or on localhost");
  try {
    const key = await subtle.importKey("raw", new Uint8Array(publicKey), "Ed25519", false, ["verify"]);
    return await subtle.verify("Ed25519", key, new Uint8Array(signature), new Uint8Array(message));
  } catch (cause) {
    if (cause instanceof Error && cause.name === "NotSupportedError") {
      throw new Error("signatures cannot be checked here: this browser has no Ed25519", { cause });
    }
    return false;
  }
}

/** What the types promise always, and a page has only when it was served securely. */
interface Surroundings {
  readonly crypto?: { readonly subtle?: typeof globalThis.crypto.subtle };
}
