/**
 * The embedded engine's configuration file. It holds no secret: the disk's key is named by the environment variable
 * that carries it. Tables and temporary data lie on the encrypted disk; no log tables are kept. What a merge
 * made is durable at once, so that the parts it replaced can go soon: those hold what was erased, also when nothing
 * else happens.
 */
import { join } from "node:path";
import { MAX_MERGED_PARTS, MERGE_FAN_IN, MERGE_NICE } from "../limits.ts";

export const DISK_KEY_VARIABLE = "TALLYSTICK_ENGINE_DISK_KEY";
export const DISK_POLICY = "sealed";

export interface EngineConfig {
  readonly folder: string;
  readonly memoryBytes: number;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

export function engineConfig(config: EngineConfig): string {
  return `<clickhouse>
  <storage_configuration>
    <disks>
      <sealed_files><type>local</type><path>${escaped(join(config.folder, "sealed"))}/</path></sealed_files>
      <sealed>
        <type>encrypted</type>
        <disk>sealed_files</disk>
        <path>disk/</path>
        <algorithm>AES_256_CTR</algorithm>
        <key_hex from_env="${DISK_KEY_VARIABLE}"/>
      </sealed>
    </disks>
    <policies>
      <${DISK_POLICY}><volumes><only><disk>sealed</disk></only></volumes></${DISK_POLICY}>
    </policies>
  </storage_configuration>
  <tmp_policy>${DISK_POLICY}</tmp_policy>
  <merge_tree>
    <storage_policy>${DISK_POLICY}</storage_policy>
    <max_suspicious_broken_parts>1000000</max_suspicious_broken_parts>
    <max_suspicious_broken_parts_bytes>1000000000000</max_suspicious_broken_parts_bytes>
    <min_rows_to_fsync_after_merge>1</min_rows_to_fsync_after_merge>
    <max_parts_to_merge_at_once>${MAX_MERGED_PARTS}</max_parts_to_merge_at_once>
    <merge_selector_base>${MERGE_FAN_IN}</merge_selector_base>
    <old_parts_lifetime>5</old_parts_lifetime>
    <cleanup_delay_period>5</cleanup_delay_period>
    <max_cleanup_delay_period>5</max_cleanup_delay_period>
    <cleanup_delay_period_random_add>1</cleanup_delay_period_random_add>
  </merge_tree>
  <os_threads_nice_value_merge_mutate>${MERGE_NICE}</os_threads_nice_value_merge_mutate>
  <max_server_memory_usage>${config.memoryBytes}</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <index_mark_cache_size>33554432</index_mark_cache_size>
  <primary_index_cache_size>33554432</primary_index_cache_size>
  <text_index_tokens_cache_size>33554432</text_index_tokens_cache_size>
  <text_index_header_cache_size>33554432</text_index_header_cache_size>
  <query_condition_cache_size>16777216</query_condition_cache_size>
  <mmap_cache_size>0</mmap_cache_size>
  <background_pool_size>1</background_pool_size>
  <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
  <database_atomic_delay_before_drop_table_sec>0</database_atomic_delay_before_drop_table_sec>
</clickhouse>
`;
}
