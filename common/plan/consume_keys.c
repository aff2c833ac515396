// SPDX-License-Identifier: Apache-2.0
// The keys that only a consume step has: what its consumers read, and as whom.
#include "common/plan/consume_keys.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/units.h"
#include "common/plan/reading.h"
#include "common/plan/template_parts.h"
#include "common/plan/writing.h"

enum {
	TOPIC_NAME_MAX = 249,       /* Kafka's */
	TOPICS_MAX = 1000,          /* of a step */
	PARTITIONS_LISTED = 10000,  /* by a step */
	PARTITION_MAX = 0x7fffffff, /* Kafka's numbers have 32 bits, with a sign */
};

const char *const consume_from_names[] = {"end", "beginning", NULL};
const char *const consume_isolation_names[] = {"committed", "uncommitted", NULL};
const char *const consume_commit_names[] = {"auto", "poll", "none", NULL};

/* Topics. */

static _Bool is_pattern(const char *topic)
{
	return topic[0] == '^';
}

/* librdkafka compiles patterns with the same function. */
static void check_pattern(struct reading *reading, const char *key, const struct node *value)
{
	char problem[200] = "";
	regex_t regex;
	const int r = regcomp(&regex, value->text, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&regex);
		return;
	}
	regerror(r, &regex, problem, sizeof(problem));
	reading_error(reading, value->place, "\"%s\" in %s: \"%s\" is no pattern: %s", key, reading->where.text,
	              value->text, problem);
}

static void check_topic(struct reading *reading, const char *key, const struct node *value)
{
	const char *text = value->text, *problem = NULL;
	if (is_pattern(text)) {
		check_pattern(reading, key, value);
		return;
	}
	if (strstr(text, "{{"))
		problem = "holds {{...}}, and a consumer's topics are fixed";
	else if (text[0] == '\0' || strlen(text) > TOPIC_NAME_MAX)
		problem = "must have from 1 to 249 characters";
	else if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(text))
		problem = "may hold letters, digits, \".\", \"_\" and \"-\" (a pattern begins with \"^\")";
	else if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		problem = "is no name of a topic";
	if (problem)
		reading_error(reading, value->place, "\"%s\" in %s: \"%s\" %s", key, reading->where.text, text,
		              problem);
}

static void add_topic(struct reading *reading, const char *key, const struct node *value, struct texts *topics)
{
	for (uint32_t i = 0; i < topics->count; i++) {
		if (topics->items[i] && strcmp(topics->items[i], value->text) == 0)
			reading_error(reading, value->place, "\"%s\" in %s names \"%s\" twice", key,
			              reading->where.text, value->text);
	}
	check_topic(reading, key, value);
	topics->items[topics->count++] = reading_copy(reading, value->text);
}

void read_consume_topic(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct texts *topics = &((struct step *)base)->consume.topics;
	if (!reading_expect(reading, value, NODE_SCALAR, option->key) || topics->items)
		return;
	topics->items = reading_array(reading, 1, sizeof(*topics->items));
	if (topics->items)
		add_topic(reading, option->key, value, topics);
}

void write_consume_topic(struct writing *writing, const struct option *option, const void *base)
{
	const struct texts *topics = &((const struct step *)base)->consume.topics;
	if (topics->count == 1)
		writing_text(writing, option->key, topics->items[0]);
}

void read_consume_topics(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct texts *topics = &((struct step *)base)->consume.topics;
	if (!reading_expect(reading, value, NODE_SEQUENCE, option->key) || topics->items)
		return;
	if (value->count == 0 || value->count > TOPICS_MAX) {
		reading_error(reading, value->place, "\"%s\" in %s has %zu entries; it needs from 1 to %d", option->key,
		              reading->where.text, value->count, TOPICS_MAX);
		return;
	}
	topics->items = reading_array(reading, value->count, sizeof(*topics->items));
	for (size_t i = 0; topics->items && i < value->count; i++)
		if (reading_expect_item(reading, value->items[i], NODE_SCALAR, "a topic"))
			add_topic(reading, option->key, value->items[i], topics);
}

void write_consume_topics(struct writing *writing, const struct option *option, const void *base)
{
	const struct texts *topics = &((const struct step *)base)->consume.topics;
	if (topics->count < 2)
		return;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < topics->count; i++)
		writing_element(writing, topics->items[i]);
	writing_end(writing);
}

/* The group. */

static const char *const part_names[] = {
        [PART_ITERATION] = "iteration", [PART_RANDOM] = "random", [PART_UUID] = "uuid", [PART_NOW] = "now",
        [PART_NOW_ISO] = "now",         [PART_SECRET] = "secret",
};

/* What a template reads that a consumer has no use for: it is made once, outside of iterations. NULL: nothing. */
static const char *fleeting_name(const struct reading *reading, const struct template *template)
{
	for (uint32_t i = 0; i < template->count; i++) {
		const struct part *part = &template->parts[i];
		if (part->kind == PART_VALUE &&
		    (reading->owners[part->slot] == SLOT_FEED || reading->owners[part->slot] == SLOT_SAVE))
			return part->text;
		if (part->kind < sizeof(part_names) / sizeof(*part_names) && part_names[part->kind])
			return part_names[part->kind];
	}
	return NULL;
}

void check_group_id(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const struct step *step = base;
	if (!step->consume.group_id)
		return;
	const char *name = fleeting_name(reading, step->consume.group_id);
	if (value->text[0] == '\0')
		reading_error(reading, value->place, "\"%s\" in %s is empty", option->key, reading->where.text);
	else if (name)
		reading_error(reading, value->place,
		              "\"%s\" in %s: {{%s}} changes, and a consumer's group is fixed ({{vu}}, {{agent}}, "
		              "variables and what setups set may stand there)",
		              option->key, reading->where.text, name);
}

/* Partitions. */

static void add_partition(struct reading *reading, const char *key, const struct node *value, struct consume_step *step)
{
	uint64_t number = 0;
	if (!reading_expect_item(reading, value, NODE_SCALAR, "a partition"))
		return;
	if (units_parse_count(value->text, &number) < 0 || number > PARTITION_MAX) {
		reading_error(reading, value->place, "\"%s\" in %s: \"%s\" is no number of a partition, as 0 or 7", key,
		              reading->where.text, value->text);
		return;
	}
	for (uint32_t i = 0; i < step->partition_count; i++)
		if (step->partitions[i] == number)
			reading_error(reading, value->place, "\"%s\" in %s names %s twice", key, reading->where.text,
			              value->text);
	step->partitions[step->partition_count++] = (uint32_t)number;
}

void read_consume_partitions(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct consume_step *step = &((struct step *)base)->consume;
	if (value->kind == NODE_SCALAR && strcmp(value->text, "all") == 0)
		return;
	if (value->kind != NODE_SEQUENCE) {
		reading_error(reading, value->place, "\"%s\" in %s must be all, or a list like [0, 1, 2]", option->key,
		              reading->where.text);
		return;
	}
	if (value->count == 0 || value->count > PARTITIONS_LISTED) {
		reading_error(reading, value->place, "\"%s\" in %s has %zu entries; it needs from 1 to %d", option->key,
		              reading->where.text, value->count, PARTITIONS_LISTED);
		return;
	}
	step->partitions = reading_array(reading, value->count, sizeof(*step->partitions));
	for (size_t i = 0; step->partitions && i < value->count; i++)
		add_partition(reading, option->key, value->items[i], step);
}

void write_consume_partitions(struct writing *writing, const struct option *option, const void *base)
{
	const struct consume_step *step = &((const struct step *)base)->consume;
	char number[16];
	if (step->group_id)
		return;
	if (step->partition_count == 0) {
		writing_raw(writing, option->key, "all");
		return;
	}
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < step->partition_count; i++) {
		snprintf(number, sizeof(number), "%u", step->partitions[i]);
		writing_element(writing, number);
	}
	writing_end(writing);
}

/* The step as a whole. */

/* One of two keys, and no more. */
static void check_either(struct reading *reading, const struct node *mapping, const struct step *step, const char *one,
                         const char *other)
{
	const struct node *first = node_get(mapping, one), *second = node_get(mapping, other);
	if (!first && !second)
		reading_error(reading, step->place, "%s needs a key \"%s\" or \"%s\"", reading->where.text, one, other);
	else if (first && second)
		reading_error(reading, second->place, "\"%s\" in %s: it has \"%s\" already", other, reading->where.text,
		              one);
}

static void check_without_group(struct reading *reading, const struct node *mapping, struct consume_step *step)
{
	const struct node *commit = node_get(mapping, "commit"), *topic = node_get(mapping, "topic"),
	                  *topics = node_get(mapping, "topics");
	if (commit && step->commit != CONSUME_COMMIT_NONE)
		reading_error(reading, commit->place, "\"commit\" in %s: without a \"groupId\" nothing is committed",
		              reading->where.text);
	step->commit = CONSUME_COMMIT_NONE;
	for (uint32_t i = 0; i < step->topics.count; i++) {
		if (step->topics.items[i] && is_pattern(step->topics.items[i])) {
			reading_error(reading, topics ? topics->place : topic->place,
			              "\"%s\" in %s: only a group reads by pattern (\"%s\" has no \"groupId\")",
			              topics ? "topics" : "topic", reading->where.text, step->topics.items[i]);
			return;
		}
	}
}

void finish_consume(struct reading *reading, const struct node *mapping, struct step *step)
{
	const struct node *group = node_get(mapping, "group");
	check_either(reading, mapping, step, "topic", "topics");
	check_either(reading, mapping, step, "groupId", "partitions");
	if (!node_get(mapping, "groupId"))
		check_without_group(reading, mapping, &step->consume);
	if (group && step->consume.group_by_key)
		reading_error(reading, group->place, "\"group\" in %s: \"groupByKey\" gives the group already",
		              reading->where.text);
}
