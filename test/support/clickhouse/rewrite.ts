/**
 * What stands between today's SQL and the 18.16 server that Debian has: every difference that the cluster tests smooth
 * over is in this file, and nowhere else.
 *
 * 1. Bound parameters, `{name:Type}`: put in as literals, each checked against its type.
 * 2. Storage hints that change no answer: `CODEC(…)`, `LowCardinality(…)`, `INDEX …`, `TTL …`, and table settings but
 *    `index_granularity`, are dropped.
 * 3. Settings it does not know (`UNKNOWN_SETTINGS`) are dropped; `SETTINGS …` of a statement moves to the request.
 * 4. There is no ZooKeeper: `ON CLUSTER` is carried out node by node, `Replicated…MergeTree` is its plain namesake.
 * 5. `mutations_sync`: the harness waits for the mutation itself (`proxy.ts`).
 * 6. Errors are worded as today's servers word them, so that the client can read their codes.
 */

/** Settings of today's servers that 18.16 refuses to hear of; none of them changes an answer there. */
const UNKNOWN_SETTINGS = new Set([
  'async_insert',
  'wait_for_async_insert',
  'async_insert_busy_timeout_ms',
  'async_insert_deduplicate',
  'insert_deduplicate',
  'insert_deduplication_token',
  'deduplicate_blocks_in_dependent_materialized_views',
  'insert_quorum_parallel',
  'fsync_after_insert',
  'fsync_part_directory',
  'mutations_sync',
  'alter_sync',
  'date_time_input_format',
  'date_time_output_format',
  'optimize_skip_unused_shards',
  'cancel_http_readonly_queries_on_client_close',
  'http_write_exception_in_output_format',
  'output_format_json_quote_denormals',
  'enable_analyzer',
  'allow_experimental_analyzer',
  'prefer_localhost_replica',
  'use_query_cache',
  'do_not_merge_across_partitions_select_final',
  'optimize_use_implicit_projections',
  'parallel_view_processing',
  'materialized_views_ignore_errors',
  'input_format_import_nested_json',
  'lightweight_deletes_sync',
  'distributed_ddl_output_mode',
  'timeout_overflow_mode_leaf',
  'timeout_before_checking_execution_speed',
]);

/** What today calls it, and what 18.16 does. */
const RENAMED_SETTINGS: Readonly<Record<string, string>> = {
  distributed_foreground_insert: 'insert_distributed_sync',
};

/** The names of errors, which 18.16 does not send; only such as a client may act upon. */
const ERROR_NAMES: Readonly<Record<string, string>> = {
  27: 'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
  47: 'UNKNOWN_IDENTIFIER',
  57: 'TABLE_ALREADY_EXISTS',
  60: 'UNKNOWN_TABLE',
  62: 'SYNTAX_ERROR',
  81: 'UNKNOWN_DATABASE',
  115: 'UNKNOWN_SETTING',
  159: 'TIMEOUT_EXCEEDED',
  160: 'TOO_SLOW',
  209: 'SOCKET_TIMEOUT',
  210: 'NETWORK_ERROR',
  241: 'MEMORY_LIMIT_EXCEEDED',
  279: 'ALL_CONNECTION_TRIES_FAILED',
};

export interface OldStatement {
  sql: string;
  /** Settings that stood in the statement and that 18.16 knows: they belong to the request. */
  settings: Record<string, string>;
  /** Whether it said `ON CLUSTER`: every node is to carry it out. */
  everywhere: boolean;
}

/** Literals, quoted names and comments: places where nothing may be rewritten; and parameters. */
const OPAQUE =
  /'(?:[^'\\]|\\[\s\S]|'')*'|`(?:[^`\\]|\\[\s\S])*`|"(?:[^"\\]|\\[\s\S])*"|--[^\n]*|\/\*[\s\S]*?\*\/|\{(\w+)\s*:\s*([^{}]+)\}/g;
/** Stands for the n-th of them meanwhile. It is made of nothing that valid SQL has outside of literals. */
const MASK = '§';

/** The names of a statement's bound parameters. */
export function parametersOf(sql: string): string[] {
  return Array.from(sql.matchAll(OPAQUE), ([, name]) => name ?? '').filter((name) => name !== '');
}

/** What a server says of a parameter that the request leaves out. */
export function unbound(name: string): string {
  return `Code: 456. DB::Exception: Substitution \`${name}\` is not set. (UNKNOWN_QUERY_PARAMETER)`;
}

/** A statement of today in the words of 18.16; `parameters` as the client sent them, without `param_`. Throws on a value that is none of its type. */
export function toOldSql(modern: string, parameters: ReadonlyMap<string, string>): OldStatement {
  const opaque: string[] = [];
  const masked = modern.replace(OPAQUE, (text, name?: string, type?: string) => {
    if (text.startsWith('--') || text.startsWith('/*')) return ' ';
    opaque.push(name === undefined || type === undefined ? text : literalOf(name, type.trim(), parameters));
    return `${MASK}${opaque.length - 1}${MASK}`;
  });
  const everywhere = /\sON\s+CLUSTER\s/i.test(masked);
  const isCreate = /^\s*(CREATE|ATTACH)\s/i.test(masked);
  let sql = masked.replace(/\sON\s+CLUSTER\s+[\w§]+/i, ' ');
  if (isCreate) sql = plainTable(sql);
  const { rest, settings } = takeSettings(sql, isCreate);
  return {
    sql: rest.replace(
      new RegExp(`${MASK}(\\d+)${MASK}`, 'g'),
      (_, index: string) => opaque[Number(index)] ?? '',
    ),
    settings,
    everywhere,
  };
}

/** The settings of a request that 18.16 takes. */
export function toOldSettings(settings: Iterable<readonly [string, string]>): [string, string][] {
  return [...settings]
    .filter(([name]) => !UNKNOWN_SETTINGS.has(name))
    .map(([name, value]) => [RENAMED_SETTINGS[name] ?? name, value]);
}

/** `Code: 60, e.displayText() = DB::Exception: …, e.what() = DB::Exception` as today's servers would say it. */
export function toModernError(text: string): { code?: string; text: string } {
  const found = /^Code: (\d+), e\.displayText\(\) = ([\s\S]*?), e\.what\(\)/.exec(text);
  const [code, message] = [found?.[1], found?.[2]];
  if (code === undefined || message === undefined) return { text };
  return { code, text: `Code: ${code}. ${message}. (${ERROR_NAMES[code] ?? 'OLD_SERVER_ERROR'})` };
}

function plainTable(masked: string): string {
  const plain = unwrap(drop(masked, /\s+CODEC\s*\(/i), /\bLowCardinality\s*\(/i);
  return plain
    .replace(/,\s*INDEX\s+[\s\S]+?\sTYPE\s+[\s\S]+?GRANULARITY\s+\d+/gi, '')
    .replace(/\bReplicated(\w*MergeTree)\s*\(\s*§\d+§\s*,\s*§\d+§\s*(?:,\s*)?/gi, '$1(')
    .replace(/\bReplicated(\w*MergeTree)\b/gi, '$1')
    .replace(/\sTTL\s+[\s\S]+?(?=\sSETTINGS\s|$)/gi, ' ');
}

function takeSettings(masked: string, isCreate: boolean): { rest: string; settings: Record<string, string> } {
  const settings: Record<string, string> = {};
  const clause = /\sSETTINGS\s+(\w+\s*=\s*[\w.§-]+(?:\s*,\s*\w+\s*=\s*[\w.§-]+)*)/gi;
  const rest = masked.replace(clause, (_, list: string) => {
    const pairs = list.split(',').map((pair) => pair.split('=').map((side) => side.trim()));
    if (isCreate) {
      const kept = pairs.filter(([name]) => name === 'index_granularity').map((pair) => pair.join(' = '));
      return kept.length > 0 ? ` SETTINGS ${kept.join(', ')}` : ' ';
    }
    for (const [name = '', value = ''] of toOldSettings(pairs.map(([k = '', v = '']) => [k, v] as const))) {
      settings[name] = value;
    }
    return ' ';
  });
  return { rest, settings };
}

/** Takes every call that `opening` begins out of the text, up to its closing bracket. */
function drop(text: string, opening: RegExp): string {
  const call = callAt(text, opening);
  return call === undefined ? text : drop(text.slice(0, call.from) + text.slice(call.to), opening);
}

/** Leaves of every call that `opening` begins what is within its brackets. */
function unwrap(text: string, opening: RegExp): string {
  const call = callAt(text, opening);
  return call === undefined
    ? text
    : unwrap(text.slice(0, call.from) + text.slice(call.inner, call.to - 1) + text.slice(call.to), opening);
}

function callAt(text: string, opening: RegExp): { from: number; inner: number; to: number } | undefined {
  const found = opening.exec(text);
  if (found === null) return undefined;
  const inner = found.index + found[0].length;
  let depth = 1;
  let to = inner;
  for (; to < text.length && depth > 0; to += 1) {
    if (text[to] === '(') depth += 1;
    if (text[to] === ')') depth -= 1;
  }
  return { from: found.index, inner, to };
}

function literalOf(name: string, type: string, parameters: ReadonlyMap<string, string>): string {
  const value = parameters.get(name);
  if (value === undefined) throw new Error(unbound(name));
  const literal = asLiteral(value, type);
  if (literal !== undefined) return literal;
  throw new Error(
    `Code: 457. DB::Exception: Value ${value} cannot be parsed as ${type} for query parameter '${name}'. (BAD_QUERY_PARAMETER)`,
  );
}

/** A parameter's text, escaped as in a tab-separated file, as a literal of its type; undefined where it is none. */
function asLiteral(value: string, type: string): string | undefined {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/.exec(type)?.[1];
  if (inner !== undefined) return value === '\\N' ? 'NULL' : asLiteral(value, inner);
  const element = /^Array\((.*)\)$/.exec(type)?.[1];
  if (element !== undefined) return arrayLiteral(value, element);
  if (type === 'Bool') return /^(1|true)$/i.test(value) ? '1' : /^(0|false)$/i.test(value) ? '0' : undefined;
  if (/^U?Int(8|16|32|64)$/.test(type)) return integerLiteral(value, type);
  if (/^Float(32|64)$/.test(type)) return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? value : undefined;
  if (type === 'String') return quoted(unescaped(value), "'");
  if (type === 'Identifier') return quoted(unescaped(value), '`');
  return undefined;
}

/** With its type spelled out where the server would guess a narrower one; a `LIMIT` takes nothing but the digits. */
function integerLiteral(value: string, type: string): string | undefined {
  const pattern = type.startsWith('U') ? /^\d+$/ : /^-?\d+$/;
  return pattern.test(value) ? value : undefined;
}

/** `['a','b\'c']` or `[1,2]`. */
function arrayLiteral(value: string, element: string): string | undefined {
  const body = /^\[([\s\S]*)\]$/.exec(value)?.[1];
  if (body === undefined) return undefined;
  const items =
    body === ''
      ? []
      : Array.from(body.matchAll(/'((?:[^'\\]|\\[\s\S])*)'|[^,]+/g), ([all, text]) => text ?? all);
  const literals = items.map((item) => asLiteral(item, element));
  return literals.includes(undefined) ? undefined : `CAST([${literals.join(', ')}] AS Array(${element}))`;
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', b: '\b', f: '\f', 0: '\0' };

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, char: string) => ESCAPES[char] ?? char);
}

function quoted(text: string, quote: string): string {
  const body = text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\0', '\\0');
  return quote + body + quote;
}
