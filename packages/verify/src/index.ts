export { anchoredTrees } from "./anchors.ts";
export type { TreeInChain } from "./anchors.ts";
export { formatChain, isChainLeaf, parseChain } from "./chain-file.ts";
export type { ChainLeaf, DecodedChainLeaf } from "./chain-file.ts";
export { checkDeletion, DELETION_OPERATION, formatDeletion, parseDeletion } from "./deletion.ts";
export type { CheckedDeletion, Deletion, DeletionContext, ProvenLeaf } from "./deletion.ts";
export { httpSource } from "./http-source.ts";
export type { Fetch, FetchAnswer, FetchRequest, Http } from "./http-source.ts";
export {
  formatSuccession,
  KEY_SUCCESSION_ATTRIBUTE,
  KEY_SUCCESSION_EVENT,
  openSuccession,
  outdatedKey,
  succeededBefore,
  succeededKeys,
  successionOf,
  withSuccessors,
} from "./key-succession.ts";
export type { KeySuccession } from "./key-succession.ts";
export { keysFor, parseVerifierKeys, serverOf, treeOfOrigin } from "./known-keys.ts";
export { linkOf, openingOf } from "./own-leaf.ts";
export type { EpochLink, Opening } from "./own-leaf.ts";
export {
  BATCH_ALG_ATTRIBUTE,
  BATCH_KEY_CREATED,
  BATCH_KID_ATTRIBUTE,
  BATCH_PUBLIC_KEY_ATTRIBUTE,
  parseBatchSecrets,
} from "./batch-keys.ts";
export {
  BATCH_SIGNATURE_ATTRIBUTE,
  BATCH_SIGNATURE_EVENT,
  overLogs,
  ProducerCheck,
  recordBytesOf,
} from "./producer-check.ts";
export type { ProducerCheckOptions, ProducerSummary, SignatureVerdict } from "./producer-check.ts";
export { proofExtra, proofSuccessions } from "./proof-successions.ts";
export { FaultList, VerifyTrouble, verifyResult } from "./result.ts";
export type { Contents, DeletedTree, Fault, FaultCode, ResultParts, TreeResult, VerifyResult } from "./result.ts";
export { summarise } from "./summary.ts";
export type { TreeSource } from "./tree-source.ts";
export type { Findings } from "./tree-check.ts";
export { verifyChain } from "./verify-chain.ts";
export { leafBytes, verifyProof } from "./verify-proof.ts";
export type { ProofOptions } from "./verify-proof.ts";
export { verifyServer } from "./verify-server.ts";
export type { ServerOptions } from "./verify-server.ts";
export { openCheckpoint, verifyTiles, verifyTreeFromSource } from "./verify-tree.ts";
export type { TreeOptions, TreeOutcome } from "./verify-tree.ts";
export { ERASED_RECORD_DIGEST, ERASURE_ITEMS, ERASURE_TREE, ERASURE_TYPE, erasedPlaces } from "./erasure.ts";
export type { ErasedPlace } from "./erasure.ts";
