// SPDX-License-Identifier: Apache-2.0
// The keys of each kind of target, and the reading of the section `targets`.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/plan/kafka_properties.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"
#include "common/stats/ledger_delta.h"

void check_header_names(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	(void)option;
	(void)base;
	for (size_t i = 0; i + 1 < value->count; i += 2) {
		const char *name = value->items[i]->text;
		size_t length = strspn(name, "!#$%&'*+-.^_`|~0123456789"
		                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (length == 0 || name[length] != '\0' || length > LIMIT_NAME_BYTES)
			reading_error(reading, value->items[i]->place, "\"%s\" in %s is no name of an HTTP header",
			              name, reading->where.text);
	}
}

/* What is wrong with http://host[:port][/path], or NULL. */
static const char *url_problem(const char *url)
{
	const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
	                   : strncmp(url, "https://", 8) == 0 ? url + 8
	                                                      : NULL;
	if (!host)
		return "does not begin with http:// or https://";
	if (strstr(url, "{{"))
		return "holds {{...}}; a target's address is fixed (use ${NAME})";
	for (const char *at = url; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return "holds a blank or control character";
	size_t length = strcspn(host, "/?#");
	if (memchr(host, '@', length))
		return "holds a user or password; send them in a header";
	if (strpbrk(host, "?#"))
		return "holds a query or fragment; a target's address has none";
	size_t name = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	if (length == 0 || name == 0 || name > length)
		return "has no host";
	if (name == length)
		return NULL;
	char *end;
	unsigned long port = isdigit((unsigned char)host[name + 1]) ? strtoul(host + name + 1, &end, 10) : 0;
	return host[name] != ':' || port == 0 || port > 65535 || end != host + length ? "has no port from 1 to 65535"
	                                                                              : NULL;
}

static void check_base_url(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	char *url = ((struct target *)base)->http.base_url;
	const char *problem = url_problem(value->text);
	if (problem)
		reading_error(reading, value->place, "\"%s\" in %s: \"%s\" %s", option->key, reading->where.text,
		              value->text, problem);
	for (size_t n = url ? strlen(url) : 0; n > 0 && url[n - 1] == '/'; n--)
		url[n - 1] = '\0';
}

static void check_brokers(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	char problem[KAFKA_PROBLEM_SIZE];
	(void)base;
	if (value->text[strspn(value->text, " ,")] == '\0')
		reading_error(reading, value->place, "\"%s\" in %s names no broker", option->key, reading->where.text);
	else if (kafka_brokers_check(value->text, problem, sizeof(problem)) < 0)
		reading_error(reading, value->place, "\"%s\" in %s: %s", option->key, reading->where.text, problem);
}

static void check_idempotence(struct reading *reading, const struct node *value)
{
	for (size_t i = 0; i + 1 < value->count; i += 2) {
		const struct node *key = value->items[i], *item = value->items[i + 1];
		const char *problem =
		        item->kind == NODE_SCALAR ? kafka_idempotence_problem(key->text, item->text) : NULL;
		if (problem)
			reading_error(reading, key->place, "property \"%s\" in %s: enable.idempotence needs %s",
			              key->text, reading->where.text, problem);
	}
}

static void check_properties(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	if (kafka_is_idempotent(&((struct target *)base)->kafka.properties))
		check_idempotence(reading, value);
	for (size_t i = 0; i + 1 < value->count && value->count / 2 <= option->max; i += 2) {
		const struct node *key = value->items[i], *item = value->items[i + 1];
		char problem[KAFKA_PROBLEM_SIZE];
		if (item->kind != NODE_SCALAR || node_is_empty(item) || item->broken)
			continue;
		if (kafka_property_check(key->text, item->text, problem, sizeof(problem)) < 0)
			reading_error(reading, key->place, "property \"%s\" in %s: %s", key->text, reading->where.text,
			              problem);
	}
}

static void check_uri(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const char *uri = value->text;
	(void)base;
	if (strncmp(uri, "postgresql://", 13) != 0 && strncmp(uri, "postgres://", 11) != 0 && !strchr(uri, '='))
		reading_error(reading, value->place,
		              "\"%s\" in %s: \"%s\" is neither postgresql://... nor a list like host=... dbname=...",
		              option->key, reading->where.text, uri);
}

static _Bool is_topic_name(const char *name)
{
	size_t length = strspn(name, "._-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return length > 0 && name[length] == '\0' && length <= LEDGER_TOPIC_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static const char *const after_names[] = {[TOPIC_KEEP] = "keep", [TOPIC_DELETE] = "delete", NULL};

const struct option kafka_topic_options[] = {
        {.key = "partitions",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(kafka_topic, partitions),
         .max = LEDGER_PARTITIONS_MAX,
         .help = "as many as the brokers make by default without it"},
        {.key = "replicationFactor",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(kafka_topic, replication_factor),
         .max = INT16_MAX,
         .help = "likewise"},
        {.key = "config",
         .type = OPTION_PAIRS,
         OPTION_MEMBER(kafka_topic, config),
         .max = LIMIT_PLAN_PROPERTIES,
         .help = "Kafka's settings of topics by their own names"},
        {.key = "after",
         .type = OPTION_CHOICE,
         OPTION_MEMBER(kafka_topic, after),
         .choices = after_names,
         .fallback = "keep",
         .help = "delete: when the run is over"},
        {0},
};

static void read_topic(struct reading *reading, const struct node *key, const struct node *value,
                       struct kafka_topic *topic)
{
	const struct node nothing = {.kind = NODE_MAPPING, .place = value->place};

	*topic = (struct kafka_topic){.name = reading_copy(reading, key->text), .place = key->place};
	if (!is_topic_name(key->text))
		reading_error(reading, key->place, "\"%s\" in %s is no name of a topic", key->text,
		              reading->where.text);
	const struct where outer = reading_enter(reading, key->place, "topic \"%.249s\"", key->text);
	if (node_is_empty(value))
		value = &nothing;
	if (value == &nothing || reading_expect(reading, value, NODE_MAPPING, key->text))
		options_read(reading, &(struct option_map){.options = kafka_topic_options}, value, topic);
	reading_leave(reading, &outer);
}

static void read_topics(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct kafka_target *kafka = &((struct target *)base)->kafka;

	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	if (value->count / 2 > LIMIT_TOPICS) {
		reading_error(reading, value->place, "\"%s\" in %s has %zu entries; it may have %d", option->key,
		              reading->where.text, value->count / 2, LIMIT_TOPICS);
		return;
	}
	kafka->topics = reading_array(reading, value->count / 2, sizeof(*kafka->topics));
	for (size_t i = 0; kafka->topics && i + 1 < value->count; i += 2)
		read_topic(reading, value->items[i], value->items[i + 1], &kafka->topics[kafka->topic_count++]);
}

static void write_topics(struct writing *writing, const struct option *option, const void *base)
{
	const struct kafka_target *kafka = &((const struct target *)base)->kafka;

	if (kafka->topic_count == 0)
		return;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < kafka->topic_count; i++) {
		writing_begin(writing, kafka->topics[i].name);
		options_write(writing, &(struct option_map){.options = kafka_topic_options}, &kafka->topics[i]);
		writing_end(writing);
	}
	writing_end(writing);
}

static const struct option null_options[] = {{0}};

static const struct option kafka_options[] = {
        {.key = "brokers",
         .type = OPTION_TEXT,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(target, kafka.brokers),
         .check = check_brokers,
         .help = "host:port, separated by commas"},
        {.key = "properties",
         .type = OPTION_PAIRS,
         OPTION_MEMBER(target, kafka.properties),
         .max = LIMIT_PLAN_PROPERTIES,
         .check = check_properties,
         .help = "librdkafka's properties by its own names"},
        {.key = "topics",
         .type = OPTION_CUSTOM,
         .read = read_topics,
         .write = write_topics,
         .help = "NAME: topics that are made before the run starts"},
        {0},
};

static const struct option http_options[] = {
        {.key = "baseUrl",
         .type = OPTION_TEXT,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(target, http.base_url),
         .check = check_base_url,
         .help = "http://host[:port][/path]: stands before each request's path"},
        {.key = "timeout",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(target, http.timeout_ns),
         .fallback = "60s",
         .help = "of a request, connecting included"},
        {.key = "headers",
         .type = OPTION_TEMPLATES,
         OPTION_MEMBER(target, http.headers),
         .check = check_header_names,
         .help = "sent with every request"},
        {0},
};

static const struct option postgres_options[] = {
        {.key = "uri",
         .type = OPTION_TEXT,
         .flags = OPTION_REQUIRED,
         OPTION_MEMBER(target, postgres.uri),
         .check = check_uri,
         .help = "postgresql://[user@]host[:port]/database"},
        {.key = "connections",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(target, postgres.connections),
         .max = LIMIT_CONNECTIONS,
         .fallback = "10",
         .help = "over the whole fleet; at least one an agent"},
        {.key = "timeout",
         .type = OPTION_DURATION,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(target, postgres.timeout_ns),
         .help = "of a statement; none without it"},
        {0},
};

const struct option *const target_options[TARGET_KIND_COUNT] = {
        [TARGET_NULL] = null_options,
        [TARGET_KAFKA] = kafka_options,
        [TARGET_HTTP] = http_options,
        [TARGET_POSTGRES] = postgres_options,
};

/* The kind by its key, or TARGET_KIND_COUNT after an error. */
static enum target_kind find_kind(struct reading *reading, const struct node *key)
{
	const char *names[TARGET_KIND_COUNT + 1] = {0};
	char suggestion[SUGGESTION_SIZE];
	for (int kind = 0; kind < TARGET_KIND_COUNT; kind++) {
		if (strcmp(target_kind_names[kind], key->text) == 0)
			return kind;
		names[kind] = target_kind_names[kind];
	}
	reading_suggest(key->text, names, suggestion, sizeof(suggestion));
	reading_error(reading, key->place, "unknown kind \"%s\" of %s%s: null, kafka, http and postgres are built",
	              key->text, reading->where.text, suggestion);
	return TARGET_KIND_COUNT;
}

static void read_target(struct reading *reading, const struct node *value, struct target *target)
{
	if (value->count != 2) {
		reading_error(reading, value->place, "%s must hold one kind: null, kafka, http or postgres",
		              reading->where.text);
		return;
	}
	enum target_kind kind = find_kind(reading, value->items[0]);
	const struct node *keys = value->items[1];
	if (kind == TARGET_KIND_COUNT)
		return;
	target->kind = kind;
	if (keys->kind != NODE_MAPPING && !(kind == TARGET_NULL && node_is_empty(keys))) {
		reading_expect(reading, keys, NODE_MAPPING, target_kind_names[kind]);
		return;
	}
	options_read(reading, &(struct option_map){.options = target_options[kind]}, keys, target);
}

void read_targets(struct reading *reading, const struct node *section)
{
	struct plan *plan = reading->plan;
	if (!section || !reading_expect(reading, section, NODE_MAPPING, "targets"))
		return;
	if (section->count / 2 > LIMIT_PLAN_TARGETS) {
		reading_error(reading, section->place, "the plan has %zu targets; it may have %d", section->count / 2,
		              LIMIT_PLAN_TARGETS);
		return;
	}
	reading_enter(reading, section->place, "the plan's targets");
	plan->targets = reading_array(reading, section->count / 2, sizeof(*plan->targets));
	for (size_t i = 0; plan->targets && i + 1 < section->count; i += 2) {
		const struct node *key = section->items[i];
		struct target *target = &plan->targets[plan->target_count++];
		*target = (struct target){
		        .name = reading_copy(reading, key->text), .kind = TARGET_KIND_COUNT, .place = key->place};
		if (!target->name || !reading_name(reading, key->place, "a target", key->text, NAME_FORBIDDEN) ||
		    !reading_expect(reading, section->items[i + 1], NODE_MAPPING, key->text))
			continue;
		const struct where outer = reading_enter(reading, key->place, "target \"%s\"", key->text);
		read_target(reading, section->items[i + 1], target);
		reading_leave(reading, &outer);
	}
}
