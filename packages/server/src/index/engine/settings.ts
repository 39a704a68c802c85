/** Settings of a statement: a short list by name, sent to a session only where they differ from what it has. */
import { StatementFault, stringLiteral } from "./statement.ts";

/** Names of the protocol itself, no settings. */
const PROTOCOL: ReadonlySet<string> = new Set([
  "query",
  "query_id",
  "database",
  "session_id",
  "default_format",
  "wait_end_of_query",
  "enable_http_compression",
]);

const SETTINGS: ReadonlySet<string> = new Set([
  "async_insert",
  "compile_aggregate_expressions",
  "compile_expressions",
  "compile_sort_description",
  "date_time_input_format",
  "enable_multiple_prewhere_read_steps",
  "insert_deduplication_token",
  "limit",
  "materialized_views_ignore_errors",
  "max_ast_elements",
  "max_block_size",
  "max_bytes_before_external_group_by",
  "max_bytes_before_external_sort",
  "max_bytes_ratio_before_external_group_by",
  "max_bytes_ratio_before_external_sort",
  "max_execution_time",
  "max_expanded_ast_elements",
  "max_insert_block_size",
  "max_insert_threads",
  "max_memory_usage",
  "max_query_size",
  "max_result_bytes",
  "max_result_rows",
  "max_rows_to_read",
  "max_threads",
  "min_insert_block_size_bytes",
  "min_insert_block_size_rows",
  "mutations_sync",
  "optimize_and_compare_chain",
  "optimize_functions_to_subcolumns",
  "os_threads_nice_value_query",
  "output_format_json_quote_64bit_integers",
  "prefer_column_name_to_alias",
  "readonly",
  "result_overflow_mode",
  "throw_on_max_partitions_per_insert_block",
  "timeout_overflow_mode",
  "use_index_for_in_with_subqueries_max_values",
  "use_top_k_dynamic_filtering",
]);

/** The settings among a request's parameters; an unknown one is refused. */
export function settingsOf(parameters: URLSearchParams): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (PROTOCOL.has(name) || name.startsWith("param_")) continue;
    if (!SETTINGS.has(name)) throw new StatementFault(`the setting ${name} is not taken`);
    // Readers are read-only by how their sessions were opened; the value is for other homes.
    if (name !== "readonly") settings.set(name, value);
  }
  return settings;
}

/** The statement that turns a session's settings from `current` into `wanted`; null when they agree. */
export function settingsChange(
  current: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): string | null {
  const changes: string[] = [];
  for (const [name, value] of wanted)
    if (current.get(name) !== value) changes.push(`${name} = ${stringLiteral(value)}`);
  for (const name of current.keys()) if (!wanted.has(name)) changes.push(`${name} = DEFAULT`);
  return changes.length === 0 ? null : `SET ${changes.join(", ")}`;
}
