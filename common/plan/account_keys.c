// SPDX-License-Identifier: Apache-2.0
// How produced messages are accounted for: who reads them again, what they carry for that, and their transactions.
#include "common/plan/account_keys.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/units.h"
#include "common/plan/kafka_properties.h"
#include "common/plan/reading.h"
#include "common/plan/writing.h"
#include "common/stats/ledger_delta.h"
#include "common/stats/stamp.h"

static const char *const verify_names[] = {"during", "after", NULL}; /* from VERIFY_DURING on */
static const char *const stamp_names[] = {"none", "head", "headers", NULL};

/* A choice's number, or -1 after an error. */
static int read_choice(struct reading *reading, const char *key, const char *const *names, const struct node *value)
{
	const struct option row = {.key = key, .type = OPTION_CHOICE, .choices = names};
	int choice = -1;
	option_read(reading, &row, value, &choice);
	return choice;
}

void read_verify(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const int choice = read_choice(reading, option->key, verify_names, value);
	((struct step *)base)->produce.verify =
	        choice < 0 ? VERIFY_NONE : (enum produce_verify)(VERIFY_DURING + choice);
}

void write_verify(struct writing *writing, const struct option *option, const void *base)
{
	const enum produce_verify verify = ((const struct step *)base)->produce.verify;
	if (verify != VERIFY_NONE)
		writing_raw(writing, option->key, "%s", verify_names[verify - VERIFY_DURING]);
}

void read_stamp(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	const int choice = read_choice(reading, option->key, stamp_names, value);
	if (choice >= 0)
		((struct step *)base)->produce.stamp = (enum stamp_place)choice;
}

void write_stamp(struct writing *writing, const struct option *option, const void *base)
{
	writing_raw(writing, option->key, "%s", stamp_names[((const struct step *)base)->produce.stamp]);
}

/* Transactions. */

/* A whole number of messages, or a duration. */
static void read_every(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	struct transactions *transactions = base;
	uint64_t count, ns;
	if (!reading_expect(reading, value, NODE_SCALAR, option->key))
		return;
	if (units_parse_count(value->text, &count) == 0 && count > 0 && count <= option->max)
		transactions->every_messages = count;
	else if (units_parse_duration(value->text, &ns) == 0 && ns > 0)
		transactions->every_ns = ns;
	else
		reading_error(reading, value->place,
		              "\"%s\" in %s: \"%s\" is neither a number of messages from 1 to %llu nor a duration like "
		              "500ms",
		              option->key, reading->where.text, value->text, (unsigned long long)option->max);
}

static const struct option transaction_options[] = {
        {.key = "every",
         .type = OPTION_CUSTOM,
         .flags = OPTION_REQUIRED,
         .max = 1000000000,
         .read = read_every,
         .help = "100 messages, or 500ms"},
        {.key = "abort",
         .type = OPTION_SHARE,
         OPTION_MEMBER(transactions, abort),
         .help = "the share that is aborted: 5%"},
        {0},
};

void read_transactions(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	if (!reading_expect(reading, value, NODE_MAPPING, option->key))
		return;
	const struct where outer = reading->where;
	reading_enter(reading, value->place, "\"%s\" of %.240s", option->key, outer.text);
	options_read(reading, &(struct option_map){.options = transaction_options}, value,
	             &((struct step *)base)->produce.transactions);
	reading_leave(reading, &outer);
}

void write_transactions(struct writing *writing, const struct option *option, const void *base)
{
	const struct transactions *transactions = &((const struct step *)base)->produce.transactions;
	char text[64];
	if (!produce_has_transactions(&((const struct step *)base)->produce))
		return;
	writing_begin(writing, option->key);
	if (transactions->every_messages)
		writing_raw(writing, "every", "%llu", (unsigned long long)transactions->every_messages);
	else
		writing_raw(writing, "every", "%s",
		            writing_format_duration(transactions->every_ns, text, sizeof(text)));
	if (transactions->abort > 0)
		writing_raw(writing, "abort", "%s", writing_format_number(transactions->abort, text, sizeof(text)));
	writing_end(writing);
}

/* The step as a whole. */

static const struct target *kafka_of(const struct reading *reading, const struct step *step)
{
	const struct target *target = step->target == PLAN_NONE ? NULL : &reading->plan->targets[step->target];
	return target && target->kind == TARGET_KAFKA ? target : NULL;
}

static void check_verify(struct reading *reading, const struct node *verify, const struct node *stamp,
                         const struct step *step)
{
	const struct template *topic = step->produce.topic;
	if (topic && !template_is_constant(topic))
		reading_error(
		        reading, verify->place,
		        "\"verify\" in %s needs a topic without {{...}}: verifiers are there before it is produced "
		        "to",
		        reading->where.text);
	else if (topic && strlen(template_source(topic)) > LEDGER_TOPIC_MAX)
		reading_error(reading, verify->place, "\"verify\" in %s: a topic's name has at most %d bytes",
		              reading->where.text, LEDGER_TOPIC_MAX);
	if (stamp && step->produce.stamp == STAMP_NONE)
		reading_error(reading, stamp->place,
		              "\"stamp\" in %s: verified messages carry a stamp (head or headers)",
		              reading->where.text);
}

/* "acks: 1", which the plan says and a transactional client can't have, or NULL. */
static const struct pair *find_obstacle(const struct pairs *properties, int acks)
{
	for (uint32_t i = 0; i < properties->count; i++) {
		const struct pair *pair = &properties->items[i];
		const char *needed = kafka_idempotence_problem(pair->name, pair->value);
		if (needed && !(acks == -1 && strcmp(needed, "acks: all") == 0))
			return pair;
		if (strcmp(pair->name, "enable.idempotence") == 0 && strcasecmp(pair->value, "true") != 0 &&
		    strcasecmp(pair->value, "t") != 0 && strcmp(pair->value, "1") != 0)
			return pair;
	}
	return NULL;
}

static void check_transactions(struct reading *reading, const struct node *mapping, const struct step *step)
{
	const struct node *acks = node_get(mapping, "acks");
	const struct target *target = kafka_of(reading, step);
	const struct pair *pair = target ? find_obstacle(&target->kafka.properties, step->produce.acks) : NULL;
	if (acks && step->produce.acks >= 0)
		reading_error(reading, acks->place, "\"acks\" in %s: transactions need all", reading->where.text);
	else if (pair)
		reading_error(reading, node_get(mapping, "transactions")->place,
		              "\"transactions\" in %s: target \"%s\" has \"%s: %s\", which transactions can't have",
		              reading->where.text, target->name, pair->name, pair->value);
}

static void refuse_small(struct reading *reading, struct place place, const char *where, const struct step *step)
{
	reading_error(reading, place,
	              "\"size\" in %s: a stamp takes the first %d bytes of a payload, and the least has %llu (\"stamp: "
	              "headers\" puts it into a header)",
	              where, STAMP_SIZE, (unsigned long long)step->produce.size.low);
}

static _Bool is_too_small(const struct step *step)
{
	return step->produce.stamp == STAMP_HEAD && !step->produce.payload && step->produce.size.high > 0 &&
	       step->produce.size.low < STAMP_SIZE;
}

static enum stamp_place place_by_default(const struct step *step)
{
	return step->produce.payload ? STAMP_HEADERS : STAMP_HEAD;
}

void finish_account(struct reading *reading, const struct node *mapping, struct step *step)
{
	const struct node *verify = node_get(mapping, "verify"), *stamp = node_get(mapping, "stamp"),
	                  *size = node_get(mapping, "size");
	if (verify)
		check_verify(reading, verify, stamp, step);
	if (produce_has_transactions(&step->produce))
		check_transactions(reading, mapping, step);
	if (step->produce.verify != VERIFY_NONE && step->produce.stamp == STAMP_NOT_GIVEN)
		step->produce.stamp = place_by_default(step);
	if (size && is_too_small(step))
		refuse_small(reading, size->place, reading->where.text, step);
}

/* The plan as a whole. */

/* A name, or with ^ an expression as librdkafka takes them; one that can't be read may be any. */
static _Bool topic_matches(const char *wanted, const char *topic)
{
	regex_t expression;
	if (wanted[0] != '^')
		return strcmp(wanted, topic) == 0;
	if (regcomp(&expression, wanted, REG_EXTENDED | REG_NOSUB) != 0)
		return 1;
	const _Bool matches = regexec(&expression, topic, 0, NULL, 0) == 0;
	regfree(&expression);
	return matches;
}

static _Bool may_read(const struct step *reader, const struct step *writer)
{
	if (reader->kind != STEP_CONSUME || reader->target != writer->target)
		return 0;
	if (!writer->produce.topic || !template_is_constant(writer->produce.topic))
		return 1;
	for (uint32_t i = 0; i < reader->consume.topics.count; i++)
		if (topic_matches(reader->consume.topics.items[i], template_source(writer->produce.topic)))
			return 1;
	return 0;
}

static _Bool is_read(const struct plan *plan, const struct step *writer)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		for (uint32_t j = 0; j < plan->scenarios[i].step_count; j++)
			if (may_read(&plan->scenarios[i].steps[j], writer))
				return 1;
	return 0;
}

static void settle_stamp(struct reading *reading, const struct scenario *scenario, struct step *step)
{
	char where[320];
	if (step->produce.stamp != STAMP_NOT_GIVEN)
		return;
	step->produce.stamp = is_read(reading->plan, step) ? place_by_default(step) : STAMP_NONE;
	snprintf(where, sizeof(where), "step \"%s\" of scenario \"%s\", which a consume step of the plan reads",
	         step->name ? step->name : "", scenario->name ? scenario->name : "");
	if (is_too_small(step))
		refuse_small(reading, step->place, where, step);
}

/* All messages that a client sends go in its transactions, and a scenario's steps share clients. */
static void check_agreement(struct reading *reading, const struct scenario *scenario, const struct step *step)
{
	for (const struct step *other = scenario->steps; other < step; other++) {
		const struct transactions *ours = &step->produce.transactions, *theirs = &other->produce.transactions;
		if (other->kind != STEP_PRODUCE || other->target != step->target)
			continue;
		if (ours->every_messages == theirs->every_messages && ours->every_ns == theirs->every_ns &&
		    ours->abort == theirs->abort)
			continue;
		reading_error(reading, step->place,
		              "step \"%s\" of scenario \"%s\": its \"transactions\" are not those of step \"%s\", "
		              "which shares its producers",
		              step->name, scenario->name, other->name);
		return;
	}
}

void settle_account(struct reading *reading)
{
	const struct plan *plan = reading->plan;
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];
		for (uint32_t j = 0; j < scenario->step_count; j++) {
			struct step *step = &scenario->steps[j];
			if (step->kind != STEP_PRODUCE)
				continue;
			settle_stamp(reading, scenario, step);
			if (step->target != PLAN_NONE && step->name)
				check_agreement(reading, scenario, step);
		}
	}
}
