// SPDX-License-Identifier: Apache-2.0
// The keys of each kind of step.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/plan/account_keys.h"
#include "common/plan/consume_keys.h"
#include "common/plan/produce_keys.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"

enum { WEIGHT_MAX = 1000000, POLL_RECORDS_MAX = 1000000 };

static void check_step_name(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	(void)option;
	(void)base;
	reading_name(reading, value->place, "a step", value->text, STEP_NAME_FORBIDDEN);
}

/* The nearest target of the kind that the step needs. */
static void suggest_target(const struct reading *reading, const char *name, enum target_kind kind, char *buffer,
                           size_t size)
{
	const struct plan *plan = reading->plan;
	const char *candidates[LIMIT_PLAN_TARGETS + 1], *only = NULL;
	size_t count = 0;
	for (uint32_t i = 0; i < plan->target_count; i++)
		if (plan->targets[i].kind == kind)
			candidates[count++] = only = plan->targets[i].name;
	candidates[count] = NULL;
	reading_suggest(name, candidates, buffer, size);
	if (buffer[0] == '\0' && count == 1)
		snprintf(buffer, size, " (did you mean \"%s\"?)", only);
}

uint32_t reading_target(struct reading *reading, const struct node *value, enum target_kind kind)
{
	char suggestion[SUGGESTION_SIZE];
	if (!reading_expect(reading, value, NODE_SCALAR, "target"))
		return PLAN_NONE;
	const uint32_t target = plan_find_target(reading->plan, value->text);
	suggest_target(reading, value->text, kind, suggestion, sizeof(suggestion));
	if (target == PLAN_NONE) {
		reading_error(reading, value->place, "target \"%s\" of %s does not exist%s", value->text,
		              reading->where.text, suggestion);
		return PLAN_NONE;
	}
	const enum target_kind found = reading->plan->targets[target].kind;
	if (found != kind && found != TARGET_KIND_COUNT)
		reading_error(reading, value->place, "target \"%s\" of %s is of kind %s, and it needs one of kind %s%s",
		              value->text, reading->where.text, target_kind_names[found], target_kind_names[kind],
		              suggestion);
	return target;
}

static void read_target_name(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct step *step = base;
	(void)option;
	step->target = reading_target(reading, value, step_target_kind(step->kind));
}

static void write_target_name(struct writing *writing, const struct option *option, const void *base)
{
	const struct step *step = base;
	if (step->target != PLAN_NONE)
		writing_text(writing, option->key, writing->plan->targets[step->target].name);
}

/* get: PATH and its like: the method and the path in one key. */
static void read_method_and_path(struct reading *reading, const struct option *option, const struct node *value,
                                 void *base)
{
	struct step *step = base;
	free(step->http.method);
	template_free(step->http.path);
	step->http.method = reading_copy(reading, option->key);
	for (char *at = step->http.method; at && *at; at++)
		*at = (char)toupper((unsigned char)*at);
	step->http.path = reading_template(reading, value, option->key);
	http_path_check(reading, option, value, base);
}

void http_path_check(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const char *problem = NULL;
	_Bool inside = 0; /* {{...}} */
	(void)base;
	if (value->kind != NODE_SCALAR || value->broken)
		return;
	if (value->text[0] != '/' && strncmp(value->text, "{{", 2) != 0)
		problem = "does not begin with \"/\"";
	for (const char *at = value->text; *at && !problem; at++) {
		inside = strncmp(at, "{{", 2) == 0 || (inside && strncmp(at, "}}", 2) != 0);
		if (!inside && ((unsigned char)*at <= ' ' || *at == 0x7f))
			problem = *at == ' ' ? "holds a blank (write %20)" : "holds a control character";
		else if (!inside && *at == '#')
			problem = "holds a fragment (#...), which is never sent";
	}
	if (problem)
		reading_error(reading, value->place, "\"%s\" in %s: \"%s\" %s", option->key, reading->where.text,
		              value->text, problem);
}

static void check_method(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct step *step = base;
	size_t length = strspn(value->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_");
	if (length == 0 || length > 32 || value->text[length] != '\0')
		reading_error(reading, value->place, "\"%s\" in %s: \"%s\" is no HTTP method", option->key,
		              reading->where.text, value->text);
	for (char *at = step->http.method; at && *at; at++)
		*at = (char)toupper((unsigned char)*at);
}

/* "200", "2xx" or "200..299". */
static _Bool parse_status(const char *text, uint16_t *ret_low, uint16_t *ret_high)
{
	unsigned low = 0, high = 0;
	char end;
	if (strlen(text) == 3 && text[0] >= '1' && text[0] <= '5' && strcasecmp(text + 1, "xx") == 0) {
		low = (unsigned)(text[0] - '0') * 100;
		high = low + 99;
	} else if (isdigit((unsigned char)text[0]) && sscanf(text, "%3u..%3u%c", &low, &high, &end) != 2) {
		if (sscanf(text, "%3u%c", &low, &end) != 1)
			return 0;
		high = low;
	} else if (!isdigit((unsigned char)text[0])) {
		return 0;
	}
	if (low < 100 || high > 599 || low > high)
		return 0;
	*ret_low = (uint16_t)low;
	*ret_high = (uint16_t)high;
	return 1;
}

static void format_status(unsigned low, unsigned high, char *buffer, size_t size)
{
	if (low == high)
		snprintf(buffer, size, "%u", low);
	else if (low % 100 == 0 && high == low + 99)
		snprintf(buffer, size, "%uxx", low / 100);
	else
		snprintf(buffer, size, "%u..%u", low, high);
}

/* "status is 200 or 2xx": what `checks` is labelled with. */
static void name_check(struct reading *reading, struct status_check *check)
{
	char name[256] = "status is ", one[16];
	size_t used = strlen(name);
	for (uint32_t i = 0; i < check->count; i++) {
		format_status(check->items[i].low, check->items[i].high, one, sizeof(one));
		int n = snprintf(name + used, sizeof(name) - used, "%s%s", i ? " or " : "", one);
		used += n > 0 && used + (size_t)n < sizeof(name) ? (size_t)n : 0;
	}
	check->name = reading_copy(reading, name);
}

static void read_status(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct status_check *check = &((struct step *)base)->http.status;
	const size_t count = value->kind == NODE_SEQUENCE ? value->count : 1;
	if (value->kind == NODE_MAPPING || node_is_empty(value)) {
		reading_expect(reading, value, NODE_SCALAR, option->key);
		return;
	}
	if (count == 0 || count > sizeof(check->items) / sizeof(*check->items)) {
		reading_error(reading, value->place, "\"status\" in %s has %zu entries; it needs from 1 to %zu",
		              reading->where.text, count, sizeof(check->items) / sizeof(*check->items));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct node *item = value->kind == NODE_SEQUENCE ? value->items[i] : value;
		if (!reading_expect(reading, item, NODE_SCALAR, option->key))
			return;
		if (!parse_status(item->text, &check->items[i].low, &check->items[i].high)) {
			reading_error(reading, item->place,
			              "\"status\" in %s: \"%s\" is no status like 200, 2xx or 200..299",
			              reading->where.text, item->text);
			return;
		}
	}
	check->count = (uint32_t)count;
	name_check(reading, check);
}

static const struct option check_options[] = {
        {.key = "status",
         .type = OPTION_CUSTOM,
         .flags = OPTION_REQUIRED,
         .read = read_status,
         .help = "200, 2xx, 200..299, or a list of them"},
        {0},
};

static void read_check(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	const struct where outer = reading->where;
	reading_enter(reading, value->place, "\"check\" of %.200s", outer.text);
	options_read(reading, &(struct option_map){.options = check_options}, value, base);
	reading_leave(reading, &outer);
}

static void write_check(struct writing *writing, const struct option *option, const void *base)
{
	const struct status_check *check = &((const struct step *)base)->http.status;
	char one[16];
	if (check->count == 0)
		return;
	writing_begin(writing, option->key);
	writing_begin(writing, "status");
	for (uint32_t i = 0; i < check->count; i++) {
		format_status(check->items[i].low, check->items[i].high, one, sizeof(one));
		writing_element(writing, one);
	}
	writing_end(writing);
	writing_end(writing);
}

/* What is wrong with $.name.name[0]..., or NULL. */
static const char *json_path_problem(const char *path)
{
	if (*path++ != '$')
		return "must begin with $";
	while (*path) {
		size_t length;
		if (*path == '.') {
			length = strcspn(path + 1, ".[]");
			if (length == 0)
				return "has a '.' without a name behind it";
			path += 1 + length;
		} else if (*path == '[') {
			length = strspn(path + 1, "0123456789");
			if (length == 0 || length > 9 || path[1 + length] != ']')
				return "has a [ without a number and ] behind it";
			path += 2 + length;
		} else {
			return "takes only .name and [number]";
		}
	}
	return NULL;
}

static void read_one_save(struct reading *reading, const struct node *key, const struct node *value, struct step *step)
{
	struct save *save = &step->http.saves[step->http.save_count];
	const char *name = key->text, *problem = NULL;
	uint32_t slot = reading_add_name(reading, key->place, name, SLOT_SAVE);
	if (slot == UINT32_MAX || !reading_expect(reading, value, NODE_SCALAR, name))
		return;
	if (reading->owners[slot] != SLOT_SAVE) {
		reading_error(reading, key->place, "save \"%s\" in %s is already set by \"%s\"", name,
		              reading->where.text,
		              reading->owners[slot] == SLOT_FEED    ? "data"
		              : reading->owners[slot] == SLOT_SETUP ? "setup"
		                                                    : "variables");
		return;
	}
	if (strncmp(value->text, "json:", 5) == 0)
		problem = json_path_problem(value->text + 5);
	else if (strncmp(value->text, "header:", 7) == 0)
		problem = value->text[7] == '\0' || strpbrk(value->text + 7, " :\t\r\n") ? "names no header" : NULL;
	else
		problem = "is neither json:$.path nor header:Name";
	if (problem) {
		reading_error(reading, value->place, "save \"%s\" in %s: \"%s\" %s", name, reading->where.text,
		              value->text, problem);
		return;
	}
	*save = (struct save){.slot = slot, .expression = reading_copy(reading, value->text), .place = value->place};
	step->http.save_count++;
}

static void read_save(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct step *step = base;
	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	step->http.saves = reading_array(reading, value->count / 2, sizeof(*step->http.saves));
	for (size_t i = 0; step->http.saves && i + 1 < value->count; i += 2)
		read_one_save(reading, value->items[i], value->items[i + 1], step);
}

static void write_save(struct writing *writing, const struct option *option, const void *base)
{
	const struct step *step = base;
	if (step->http.save_count == 0)
		return;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < step->http.save_count; i++) {
		const struct save *save = &step->http.saves[i];
		writing_text(writing, template_names_get(writing->plan->names, save->slot), save->expression);
	}
	writing_end(writing);
}

static void refuse_group(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	(void)option;
	(void)base;
	reading_error(reading, value->place, "\"group\" in %s: a think step measures nothing and has no group",
	              reading->where.text);
}

#define NAME_ROW                                                                                                       \
	{                                                                                                              \
		.key = "name", .type = OPTION_TEXT, OPTION_MEMBER(step, name), .check = check_step_name,               \
		.help = "of the step in reports; <kind>-<index> without it"                                            \
	}
#define WEIGHT_ROW                                                                                                     \
	{                                                                                                              \
		.key = "weight", .type = OPTION_COUNT, .flags = OPTION_POSITIVE, OPTION_MEMBER(step, weight),          \
		.max = WEIGHT_MAX, .help = "of the scenario's weighted steps one runs, chosen by weight"               \
	}
#define GROUP_ROW                                                                                                      \
	{                                                                                                              \
		.key = "group", .type = OPTION_TEMPLATE, OPTION_MEMBER(step, group),                                   \
		.help = "what its figures are also split by"                                                           \
	}
#define TARGET_ROW(its_flags)                                                                                          \
	{                                                                                                              \
		.key = "target", .type = OPTION_CUSTOM, .flags = (its_flags), .read = read_target_name,                \
		.write = write_target_name, .help = "a name under targets"                                             \
	}
#define METHOD_ROW(its_key)                                                                                            \
	{                                                                                                              \
		.key = its_key, .type = OPTION_CUSTOM, .read = read_method_and_path,                                   \
		.help = "the path, with this method"                                                                   \
	}

static const struct option null_options[] = {
        NAME_ROW,
        TARGET_ROW(0),
        {.key = "latency",
         .type = OPTION_DURATIONS,
         .flags = OPTION_SHORT,
         OPTION_MEMBER(step, null.latency_ns),
         .fallback = "0",
         .help = "how long an operation takes: 5ms, or 1ms..5ms"},
        {.key = "failures",
         .type = OPTION_SHARE,
         OPTION_MEMBER(step, null.failures),
         .help = "the share of operations that fail"},
        GROUP_ROW,
        WEIGHT_ROW,
        {0},
};

static const struct option http_options[] = {
        NAME_ROW,
        TARGET_ROW(OPTION_REQUIRED),
        METHOD_ROW("get"),
        METHOD_ROW("post"),
        METHOD_ROW("put"),
        METHOD_ROW("delete"),
        METHOD_ROW("patch"),
        METHOD_ROW("head"),
        METHOD_ROW("options"),
        {.key = "method",
         .type = OPTION_TEXT,
         OPTION_MEMBER(step, http.method),
         .check = check_method,
         .help = "any other method, with path"},
        {.key = "path",
         .type = OPTION_TEMPLATE,
         OPTION_MEMBER(step, http.path),
         .check = http_path_check,
         .help = "of the request, with its query"},
        {.key = "headers",
         .type = OPTION_TEMPLATES,
         OPTION_MEMBER(step, http.headers),
         .check = check_header_names,
         .help = "over those of the target"},
        {.key = "body", .type = OPTION_TEMPLATE, OPTION_MEMBER(step, http.body), .help = "a text"},
        {.key = "timeout",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(step, http.timeout_ns),
         .help = "the target's without it"},
        {.key = "check", .type = OPTION_CUSTOM, .read = read_check, .write = write_check, .help = "{ status: ... }"},
        {.key = "save",
         .type = OPTION_CUSTOM,
         .read = read_save,
         .write = write_save,
         .help = "NAME: json:$.path, or header:Name"},
        GROUP_ROW,
        WEIGHT_ROW,
        {0},
};

static const struct option produce_options[] = {
        NAME_ROW,
        TARGET_ROW(OPTION_REQUIRED),
        {.key = "topic",
         .type = OPTION_TEMPLATE,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(step, produce.topic),
         .help = "of the message"},
        {.key = "key",
         .type = OPTION_TEMPLATE,
         OPTION_MEMBER(step, produce.key),
         .help = "of the message; none without it"},
        {.key = "keys",
         .type = OPTION_CUSTOM,
         .read = read_keys_made,
         .write = write_keys_made,
         .help = "{ uniform: N } or { zipf: N }: keys 1 to N, instead of key"},
        {.key = "size",
         .type = OPTION_CUSTOM,
         .read = read_size,
         .write = write_size,
         .help = "of generated values: 1KiB, 100..10240, or [{ size, weight }, ...]"},
        {.key = "compressibility",
         .type = OPTION_CUSTOM,
         .read = read_compressibility,
         .write = write_compressibility,
         .help = "the part of generated values that a compressor saves"},
        {.key = "payload",
         .type = OPTION_TEMPLATE,
         OPTION_MEMBER(step, produce.payload),
         .help = "the value, instead of size"},
        {.key = "payloads",
         .type = OPTION_CUSTOM,
         .read = read_payloads,
         .help = "a file of values, one a line, instead of size"},
        {.key = "headers",
         .type = OPTION_TEMPLATES,
         OPTION_MEMBER(step, produce.headers),
         .check = check_message_headers,
         .help = "NAME: template"},
        {.key = "partitioner",
         .type = OPTION_CUSTOM,
         .read = read_partitioner,
         .write = write_partitioner,
         .help = "librdkafka's name of it; the target's, or Java's (murmur2_random), without it"},
        {.key = "acks",
         .type = OPTION_CUSTOM,
         .read = read_acks,
         .write = write_acks,
         .help = "all, 1 or 0; the target's without it"},
        {.key = "await",
         .type = OPTION_CUSTOM,
         .read = read_await,
         .write = write_await,
         .help = "ack: go on only when the message is acknowledged"},
        {.key = "verify",
         .type = OPTION_CUSTOM,
         .read = read_verify,
         .write = write_verify,
         .help = "during or after: read again what was produced, and account for each message"},
        {.key = "stamp",
         .type = OPTION_CUSTOM,
         .read = read_stamp,
         .write = write_stamp,
         .help = "head, headers or none: where a message says who sent it and when"},
        {.key = "transactions",
         .type = OPTION_CUSTOM,
         .read = read_transactions,
         .write = write_transactions,
         .help = "{ every: 100 or 500ms, abort: 5% }"},
        GROUP_ROW,
        WEIGHT_ROW,
        {0},
};

static const struct option consume_options[] = {
        NAME_ROW,
        TARGET_ROW(OPTION_REQUIRED),
        {.key = "topic",
         .type = OPTION_CUSTOM,
         .read = read_consume_topic,
         .write = write_consume_topic,
         .help = "that is read; ^... is a pattern, for a group"},
        {.key = "topics",
         .type = OPTION_CUSTOM,
         .read = read_consume_topics,
         .write = write_consume_topics,
         .help = "a list of topics, instead of topic"},
        {.key = "groupId",
         .type = OPTION_TEMPLATE,
         OPTION_MEMBER(step, consume.group_id),
         .check = check_group_id,
         .help = "the consumer group, which shares out the partitions"},
        {.key = "partitions",
         .type = OPTION_CUSTOM,
         .read = read_consume_partitions,
         .write = write_consume_partitions,
         .help = "all, or [0, 1, 2]: shared out among the VUs, instead of groupId"},
        {.key = "from",
         .type = OPTION_CHOICE,
         OPTION_MEMBER(step, consume.from),
         .choices = consume_from_names,
         .fallback = "end",
         .help = "end or beginning: where a consumer begins whose group has no offsets"},
        {.key = "isolation",
         .type = OPTION_CHOICE,
         OPTION_MEMBER(step, consume.isolation),
         .choices = consume_isolation_names,
         .fallback = "committed",
         .help = "committed or uncommitted: whether messages of open and aborted transactions are left out"},
        {.key = "commit",
         .type = OPTION_CHOICE,
         OPTION_MEMBER(step, consume.commit),
         .choices = consume_commit_names,
         .fallback = "auto",
         .help = "auto, poll (after each poll that got messages) or none"},
        {.key = "maxPollRecords",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(step, consume.max_poll_records),
         .max = POLL_RECORDS_MAX,
         .fallback = "500",
         .help = "the most messages of a poll"},
        {.key = "pollTimeout",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE | OPTION_SHORT,
         OPTION_MEMBER(step, consume.poll_timeout_ns),
         .max = LIMIT_PLAN_DURATION_NS,
         .fallback = "1s",
         .help = "after which a poll ends that got nothing"},
        {.key = "processing",
         .type = OPTION_DURATIONS,
         .flags = OPTION_SHORT,
         OPTION_MEMBER(step, consume.processing_ns),
         .help = "how long each message takes: 1ms, or 1ms..5ms"},
        {.key = "groupByKey",
         .type = OPTION_BOOL,
         OPTION_MEMBER(step, consume.group_by_key),
         .help = "true: figures are also split by the messages' keys"},
        GROUP_ROW,
        WEIGHT_ROW,
        {0},
};

static const struct option sql_options[] = {
        NAME_ROW,
        TARGET_ROW(OPTION_REQUIRED),
        {.key = "query",
         .type = OPTION_TEXT,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(step, sql.query),
         .help = "one statement, with $1, $2 ..."},
        {.key = "params",
         .type = OPTION_TEMPLATE_LIST,
         OPTION_MEMBER(step, sql.params),
         .help = "the values of $1, $2 ..."},
        {.key = "timeout",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(step, sql.timeout_ns),
         .help = "the target's without it"},
        GROUP_ROW,
        WEIGHT_ROW,
        {0},
};

static const struct option think_options[] = {
        NAME_ROW,
        {.key = "pause",
         .type = OPTION_DURATIONS,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(step, think.pause_ns),
         .help = "2s, or 1s..3s"},
        {.key = "group", .type = OPTION_CUSTOM, .read = refuse_group},
        WEIGHT_ROW,
        {0},
};

const struct option *const step_options[STEP_KIND_COUNT] = {
        [STEP_NULL] = null_options,       [STEP_HTTP] = http_options, [STEP_PRODUCE] = produce_options,
        [STEP_CONSUME] = consume_options, [STEP_SQL] = sql_options,   [STEP_THINK] = think_options,
};
