export { InvariantError } from "./assert.ts";
export { formatCheckpoint, parseCheckpoint } from "./checkpoint.ts";
export type { Checkpoint, ParsedCheckpoint } from "./checkpoint.ts";
export { bundleHashes, parseEntryBundle } from "./entry-bundle.ts";
export type { BundleEntries } from "./entry-bundle.ts";
export { Frontier, rootOfEdge } from "./frontier.ts";
export type { Tile } from "./frontier.ts";
export {
  EMPTY_ROOT,
  HASH_SIZE_BYTES,
  equalBytes,
  foldHashes,
  leafHash,
  leafHashInto,
  leafHashes,
  nodeHash,
  sha256,
} from "./hashing.ts";
export * from "./limits.ts";
export { ed25519Signer, openNote, parseNote, signNote } from "./note.ts";
export type { Note, NoteSignature, NoteSigner, OpenNote } from "./note.ts";
export type { Parsed } from "./parsed.ts";
export { formatProof, parseProof } from "./proof-text.ts";
export type { LogProof } from "./proof-text.ts";
export { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from "./proofs.ts";
export { decodeBase64, encodeBase64, hex, parseHex } from "./text.ts";
export {
  TILE_HEIGHT,
  TILE_WIDTH,
  edgeTiles,
  entriesPath,
  levelWidth,
  newTiles,
  parseTilePath,
  tilePath,
  tileWidth,
  tilesForSize,
} from "./tiles.ts";
export type { TileCoordinate, TilePath } from "./tiles.ts";
export { readEdge, rootFromTiles } from "./tree-hashes.ts";
export type { TileReader } from "./tree-hashes.ts";
export { isTreeSize, parseDecimal, treeSize } from "./tree-size.ts";
export type { TreeSize } from "./tree-size.ts";
export { ed25519Verifier, isKeyName, keyId, parseVerifierKey, verifierKey } from "./verifier-key.ts";
export type { NoteVerifier } from "./verifier-key.ts";
