import { createPrivateKey, createPublicKey, sign } from "node:crypto";

/** A key that every test has: Ed25519 of 32 bytes of 7. */
export function testSigner() {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 7)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
  return { publicKey, signer: { publicKey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, key)) } };
}
