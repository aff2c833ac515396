// SPDX-License-Identifier: Apache-2.0
// The keys that only a produce step has: what its messages are made of, and where they go.
#include "common/plan/produce_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/plan/account_keys.h"
#include "common/plan/kafka_properties.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"

enum { SIZE_WEIGHT_MAX = 1000000, KEYS_EXPONENT_MAX = 20 };

const char *const partitioner_names[PARTITIONER_COUNT] = {
        [PARTITIONER_RANDOM] = "random",
        [PARTITIONER_CONSISTENT] = "consistent",
        [PARTITIONER_CONSISTENT_RANDOM] = "consistent_random",
        [PARTITIONER_MURMUR2] = "murmur2",
        [PARTITIONER_MURMUR2_RANDOM] = "murmur2_random",
        [PARTITIONER_FNV1A] = "fnv1a",
        [PARTITIONER_FNV1A_RANDOM] = "fnv1a_random",
};

void produce_init(struct produce_step *step)
{
	step->acks = PRODUCE_ACKS_TARGET;
	step->compressibility = PRODUCE_COMPRESSIBILITY_NONE;
	step->stamp = STAMP_NOT_GIVEN;
}

/* Sizes. */

static const struct option weighted_options[] = {
        {.key = "size",
         .type = OPTION_SIZES,
         .flags = OPTION_REQUIRED | OPTION_POSITIVE,
         OPTION_MEMBER(weighted_size, size),
         .max = LIMIT_PAYLOAD_BYTES,
         .help = "1KiB, or 100..10240"},
        {.key = "weight",
         .type = OPTION_COUNT,
         .flags = OPTION_REQUIRED | OPTION_POSITIVE,
         OPTION_MEMBER(weighted_size, weight),
         .max = SIZE_WEIGHT_MAX,
         .help = "how often, beside the others"},
        {0},
};

static void read_weighted_size(struct reading *reading, const struct node *item, struct produce_step *step)
{
	struct weighted_size *size = &step->sizes[step->size_count];
	const size_t errors = reading_errors(reading);
	if (!reading_expect_item(reading, item, NODE_MAPPING, "a size"))
		return;
	const struct where outer = reading->where;
	reading_enter(reading, item->place, "size %u of %.240s", step->size_count + 1, outer.text);
	options_read(reading, &(struct option_map){.options = weighted_options}, item, size);
	reading_leave(reading, &outer);
	if (errors != reading_errors(reading))
		return;
	if (step->size_count == 0 || size->size.low < step->size.low)
		step->size.low = size->size.low;
	if (size->size.high > step->size.high)
		step->size.high = size->size.high;
	step->size_count++;
}

void read_size(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct produce_step *step = &((struct step *)base)->produce;
	struct option one = weighted_options[0];
	struct weighted_size size = {0};
	if (value->kind != NODE_SEQUENCE) {
		one.key = option->key;
		option_read(reading, &one, value, &size);
		step->size = size.size;
		return;
	}
	if (value->count == 0 || value->count > LIMIT_PLAN_STEPS) {
		reading_error(reading, value->place, "\"%s\" in %s has %zu entries; it needs from 1 to %d", option->key,
		              reading->where.text, value->count, LIMIT_PLAN_STEPS);
		return;
	}
	step->sizes = reading_array(reading, value->count, sizeof(*step->sizes));
	for (size_t i = 0; step->sizes && i < value->count; i++)
		read_weighted_size(reading, value->items[i], step);
}

void write_size(struct writing *writing, const struct option *option, const void *base)
{
	const struct produce_step *step = &((const struct step *)base)->produce;
	struct option_map one = {.options = weighted_options};
	if (step->size.high == 0)
		return;
	if (step->size_count == 0) {
		const struct option rows[] = {
		        {.key = option->key, .type = OPTION_SIZES, OPTION_MEMBER(produce_step, size)}, {0}};
		one.options = rows;
		options_write(writing, &one, step);
		return;
	}
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < step->size_count; i++) {
		writing_item(writing);
		options_write(writing, &one, &step->sizes[i]);
		writing_item_end(writing);
	}
	writing_end(writing);
}

double produce_mean_size(const struct produce_step *step)
{
	double sum = 0, weights = 0;
	if (step->size_count == 0)
		return ((double)step->size.low + (double)step->size.high) / 2;
	for (uint32_t i = 0; i < step->size_count; i++) {
		const struct weighted_size *size = &step->sizes[i];
		sum += size->weight * ((double)size->size.low + (double)size->size.high) / 2;
		weights += size->weight;
	}
	return sum / weights;
}

void read_compressibility(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const struct option share = {
	        .key = option->key, .type = OPTION_SHARE, OPTION_MEMBER(produce_step, compressibility)};
	option_read(reading, &share, value, &((struct step *)base)->produce);
}

void write_compressibility(struct writing *writing, const struct option *option, const void *base)
{
	const double part = ((const struct step *)base)->produce.compressibility;
	char text[64];
	if (part >= 0)
		writing_raw(writing, option->key, "%s", writing_format_number(part, text, sizeof(text)));
}

/* Keys. */

struct key_notes {
	uint32_t uniform;
	uint32_t zipf;
	double exponent;
};

static const struct option key_options[] = {
        {.key = "uniform",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(key_notes, uniform),
         .max = LIMIT_FEED_ROWS,
         .help = "so many keys, each equally likely"},
        {.key = "zipf",
         .type = OPTION_COUNT,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(key_notes, zipf),
         .max = LIMIT_FEED_ROWS,
         .help = "so many keys, the first most often"},
        {.key = "exponent",
         .type = OPTION_NUMBER,
         .flags = OPTION_POSITIVE,
         OPTION_MEMBER(key_notes, exponent),
         .max = KEYS_EXPONENT_MAX,
         .fallback = "1",
         .help = "of zipf: key i is drawn in proportion to 1 / i^exponent"},
        {0},
};

void read_keys_made(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct generated_keys *keys = &((struct step *)base)->produce.keys;
	struct key_notes notes = {0};
	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	const struct where outer = reading->where;
	reading_enter(reading, value->place, "\"%s\" of %.240s", option->key, outer.text);
	const struct node *exponent = node_get(value, "exponent"), *uniform = node_get(value, "uniform");
	const _Bool known = options_read(reading, &(struct option_map){.options = key_options}, value, &notes);
	const _Bool zipf = node_get(value, "zipf") != NULL;
	if (known && !uniform == !zipf)
		reading_error(reading, value->place, "%s needs one of the keys \"uniform\" and \"zipf\"",
		              reading->where.text);
	else if (exponent && uniform)
		reading_error(reading, exponent->place, "\"exponent\" in %s is only for zipf", reading->where.text);
	reading_leave(reading, &outer);
	*keys = (struct generated_keys){
	        .count = zipf ? notes.zipf : notes.uniform, .zipf = zipf, .exponent = notes.exponent};
}

void write_keys_made(struct writing *writing, const struct option *option, const void *base)
{
	const struct generated_keys *keys = &((const struct step *)base)->produce.keys;
	char exponent[64];
	if (keys->count == 0)
		return;
	writing_begin(writing, option->key);
	writing_raw(writing, keys->zipf ? "zipf" : "uniform", "%u", keys->count);
	if (keys->zipf)
		writing_raw(writing, "exponent", "%s",
		            writing_format_number(keys->exponent, exponent, sizeof(exponent)));
	writing_end(writing);
}

/* Payloads from a file: a feed of its lines, and a payload that reads it. */
void read_payloads(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct step *step = base;
	char text[LIMIT_NAME_BYTES + 8];
	if (!reading_expect(reading, value, NODE_SCALAR, option->key))
		return;
	const char *name = read_line_feed(reading, option->key, value);
	if (!name || step->produce.payload)
		return;
	snprintf(text, sizeof(text), "{{%s}}", name);
	const struct node source = {.kind = NODE_SCALAR, .place = value->place, .text = text};
	step->produce.payload = reading_template(reading, &source, option->key);
}

void check_message_headers(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	(void)base;
	for (size_t i = 0; i + 1 < value->count; i += 2) {
		const struct node *key = value->items[i];
		if (key->text[0] == '\0' || strlen(key->text) > LIMIT_NAME_BYTES)
			reading_error(reading, key->place,
			              "\"%s\" in %s: a header's name has from 1 to %d bytes, not %zu", option->key,
			              reading->where.text, LIMIT_NAME_BYTES, strlen(key->text));
	}
	if (value->count / 2 > PRODUCE_HEADERS_MAX)
		reading_error(reading, value->place, "\"%s\" in %s has %zu entries; it may have %d", option->key,
		              reading->where.text, value->count / 2, PRODUCE_HEADERS_MAX);
}

void read_partitioner(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const char *names[PARTITIONER_COUNT] = {0};
	int choice = -1;
	for (int i = 1; i < PARTITIONER_COUNT; i++)
		names[i - 1] = partitioner_names[i];
	const struct option row = {.key = option->key, .type = OPTION_CHOICE, .choices = names};
	option_read(reading, &row, value, &choice);
	((struct step *)base)->produce.partitioner = (enum partitioner)(choice + 1);
}

void write_partitioner(struct writing *writing, const struct option *option, const void *base)
{
	const enum partitioner partitioner = ((const struct step *)base)->produce.partitioner;
	if (partitioner != PARTITIONER_TARGET)
		writing_raw(writing, option->key, "%s", partitioner_names[partitioner]);
}

/* Acknowledgements. */

static const struct {
	const char *text;
	int acks;
} acks_values[] = {{"all", -1}, {"-1", -1}, {"0", 0}, {"1", 1}};

void read_acks(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct step *step = base;
	if (!reading_expect(reading, value, NODE_SCALAR, option->key))
		return;
	for (size_t i = 0; i < sizeof(acks_values) / sizeof(*acks_values); i++) {
		if (strcmp(acks_values[i].text, value->text) == 0) {
			step->produce.acks = acks_values[i].acks;
			return;
		}
	}
	reading_error(reading, value->place, "\"acks\" in %s: \"%s\" is not one of all, 1, 0", reading->where.text,
	              value->text);
}

void write_acks(struct writing *writing, const struct option *option, const void *base)
{
	const struct step *step = base;
	for (size_t i = 0; i < sizeof(acks_values) / sizeof(*acks_values); i++) {
		if (acks_values[i].acks == step->produce.acks) {
			writing_raw(writing, option->key, "%s", acks_values[i].text);
			return;
		}
	}
}

void read_await(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct step *step = base;
	if (!reading_expect(reading, value, NODE_SCALAR, option->key))
		return;
	if (strcmp(value->text, "ack") == 0)
		step->produce.await_ack = 1;
	else
		reading_error(reading, value->place, "\"await\" in %s: \"%s\" is not \"ack\"", reading->where.text,
		              value->text);
}

void write_await(struct writing *writing, const struct option *option, const void *base)
{
	if (((const struct step *)base)->produce.await_ack)
		writing_raw(writing, option->key, "ack");
}

/* The step as a whole. */

/* Says it of every key but the first that gives the same thing. */
static void check_one_of(struct reading *reading, const struct node *mapping, const char *const *keys, const char *what)
{
	const struct node *first = NULL;
	for (size_t i = 0; i + 1 < mapping->count; i += 2) {
		const struct node *key = mapping->items[i];
		size_t at = 0;
		while (keys[at] && strcmp(keys[at], key->text) != 0)
			at++;
		if (keys[at] && first)
			reading_error(reading, key->place, "\"%s\" in %s: \"%s\" gives the %s already", key->text,
			              reading->where.text, first->text, what);
		first = keys[at] && !first ? key : first;
	}
}

static void check_size(struct reading *reading, const struct node *size, const struct step *step)
{
	const struct target *target = step->target == PLAN_NONE ? NULL : &reading->plan->targets[step->target];
	if (!target || target->kind != TARGET_KAFKA)
		return;
	uint64_t max = kafka_message_max_bytes(&target->kafka.properties);
	if (step->produce.size.high > max)
		reading_warn(reading, size->place,
		             "\"size\" in %s: %llu bytes are more than message.max.bytes (%llu) of target \"%s\", so "
		             "such messages fail",
		             reading->where.text, (unsigned long long)step->produce.size.high, (unsigned long long)max,
		             target->name);
	if (step->produce.compressibility < 0 && kafka_compresses(&target->kafka.properties))
		reading_warn(reading, size->place,
		             "\"size\" in %s: target \"%s\" compresses, and generated bytes are random: nothing is "
		             "saved (\"compressibility\" sets how much)",
		             reading->where.text, target->name);
}

static void check_acks(struct reading *reading, const struct node *mapping, const struct step *step)
{
	const struct target *target = step->target == PLAN_NONE ? NULL : &reading->plan->targets[step->target];
	const struct node *acks = node_get(mapping, "acks");
	if (acks && target && target->kind == TARGET_KAFKA && step->produce.acks >= 0 &&
	    kafka_is_idempotent(&target->kafka.properties))
		reading_error(reading, acks->place,
		              "\"acks\" in %s: target \"%s\" has enable.idempotence, which needs all",
		              reading->where.text, target->name);
}

void finish_produce(struct reading *reading, const struct node *mapping, struct step *step)
{
	static const char *const values[] = {"size", "payload", "payloads", NULL};
	static const char *const keys[] = {"key", "keys", NULL};
	const struct node *size = node_get(mapping, "size"), *part = node_get(mapping, "compressibility");
	check_one_of(reading, mapping, values, "value");
	check_one_of(reading, mapping, keys, "key");
	check_acks(reading, mapping, step);
	if (part && !size)
		reading_error(reading, part->place, "\"compressibility\" in %s is only for generated values (\"size\")",
		              reading->where.text);
	if (size)
		check_size(reading, size, step);
	finish_account(reading, mapping, step);
}
