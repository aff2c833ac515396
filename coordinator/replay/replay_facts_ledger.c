/* SPDX-License-Identifier: Apache-2.0 */
/* The ledgers, one a target: of each record what agents sent, and what verifiers saw, in the order of the journal.
 *
 * The run took a verifier's report only if it went on where the one before had ended, so here each must. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "coordinator/replay/replay_facts_internal.h"

static const struct duty *find_verifier(const struct plan *plan, uint32_t target, const char *topic)
{
	for (uint32_t i = 0; i < plan->duty_count; i++) {
		const struct duty *duty = &plan->duties[i];

		if (duty->kind == DUTY_VERIFIER && duty->target == target && strcmp(duty->verify.topic, topic) == 0)
			return duty;
	}
	return NULL;
}

const struct duty *facts_verifier_of(const struct facts *facts, uint64_t stream, const char *topic,
                                     uint32_t *ret_scenario, uint32_t *ret_step)
{
	const struct plan *plan = facts->plan;
	uint32_t number = (uint32_t)stream % plan_step_count(plan), scenario, index;
	const struct step *step;

	if (!plan_step_find(plan, number, &scenario, &index))
		return NULL;
	step = &plan->scenarios[scenario].steps[index];
	if (step->kind != STEP_PRODUCE || step->produce.verify == VERIFY_NONE)
		return NULL;
	*ret_scenario = scenario;
	*ret_step = index;
	return find_verifier(plan, step->target, topic);
}

int facts_ledgers_init(struct facts *facts)
{
	const struct plan *plan = facts->plan;

	facts->verifiers = calloc((size_t)plan->duty_count + 1, sizeof(*facts->verifiers));
	facts->ledgers = calloc((size_t)plan->target_count + 1, sizeof(*facts->ledgers));
	if (!facts->verifiers || !facts->ledgers)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->duty_count; i++) {
		struct ledger **ledger = &facts->ledgers[plan->duties[i].target];

		if (plan->duties[i].kind != DUTY_VERIFIER || *ledger)
			continue;
		*ledger = ledger_new();
		if (!*ledger)
			return -ENOMEM;
	}
	return 0;
}

void facts_ledgers_deinit(struct facts *facts)
{
	for (uint32_t i = 0; facts->ledgers && i < facts->plan->target_count; i++)
		ledger_free(facts->ledgers[i]);
	free(facts->ledgers);
	free(facts->verifiers);
}

/* ---- sent ---- */

/* Of what the plan doesn't verify nothing would be known: it is passed over. */
static int add_sent(const struct reading *reading, const struct sent_delta *delta)
{
	uint32_t scenario, step;
	const struct duty *duty = facts_verifier_of(reading->facts, delta->stream, delta->topic, &scenario, &step);

	return duty ? ledger_add_sent(reading->facts->ledgers[duty->target], delta) : 0;
}

int facts_take_sent(const struct reading *reading, const struct journal_accepted *accepted)
{
	struct reader reader = {.data = accepted->ledger, .size = accepted->ledger_size};
	int r = 0;

	while (r == 0 && reader.at < reader.size) {
		struct sent_delta delta = {0};

		r = sent_delta_decode(&reader, &delta);
		if (r == 0)
			r = add_sent(reading, &delta);
		sent_delta_deinit(&delta);
	}
	return r == -EBADMSG ? facts_contradiction(reading, "what became of messages can't be read") : r;
}

/* ---- seen ---- */

/* All that the one before has read stays read. */
static void take_over(struct ledger *ledger, const char *topic, uint64_t reader)
{
	size_t count;
	const struct ledger_partition *partitions = ledger_partitions(ledger, &count);
	uint64_t offset;

	for (size_t i = 0; i < count; i++)
		if (strcmp(partitions[i].topic, topic) == 0)
			ledger_take_over(ledger, topic, partitions[i].partition, reader, &offset);
}

static int add_offsets(struct ledger *ledger, const char *topic, const struct journal_record *record)
{
	uint64_t offset;
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < record->seen.start_count; i++) {
		const struct wire_offset *start = &record->seen.starts[i];

		r = ledger_start(ledger, topic, start->partition, start->offset);
		ledger_take_over(ledger, topic, start->partition, record->seen.reader, &offset);
	}
	for (uint32_t i = 0; r >= 0 && i < record->seen.end_count; i++)
		r = ledger_end(ledger, topic, record->seen.ends[i].partition, record->seen.ends[i].offset);
	return r < 0 ? r : 0;
}

static int add_seen(struct ledger *ledger, const char *topic, const struct journal_record *record)
{
	struct reader reader = {.data = record->seen.seen, .size = record->seen.seen_size};
	int r = 0;

	while (r == 0 && reader.at < reader.size) {
		struct seen_delta delta = {0};

		r = seen_delta_decode(&reader, &delta);
		if (r == 0)
			r = strcmp(delta.topic, topic) == 0 ? ledger_add_seen(ledger, &delta) : -EBADMSG;
		seen_delta_deinit(&delta);
	}
	return r > 0 ? -EBADMSG : r;
}

int facts_take_seen(const struct reading *reading, const struct journal_record *record)
{
	struct facts *facts = reading->facts;
	struct facts_verifier *verifier;
	const struct duty *duty;
	struct ledger *ledger;
	int r;

	if (record->seen.duty >= facts->plan->duty_count ||
	    facts->plan->duties[record->seen.duty].kind != DUTY_VERIFIER)
		return facts_contradiction(reading, "something was seen by no verifier of its plan");
	duty = &facts->plan->duties[record->seen.duty];
	verifier = &facts->verifiers[record->seen.duty];
	ledger = facts->ledgers[duty->target];
	if (record->seen.reader != verifier->reader)
		take_over(ledger, duty->verify.topic, record->seen.reader);
	verifier->reader = record->seen.reader;
	verifier->over |= record->seen.over;
	/* Its own words, should the journal end before ours. */
	r = record->seen.over ? facts_keep_text(&facts->duty_problems[record->seen.duty], record->seen.problem) : 0;
	if (r == 0)
		r = add_offsets(ledger, duty->verify.topic, record);
	if (r == 0)
		r = add_seen(ledger, duty->verify.topic, record);
	return r == -EBADMSG || r == -ERANGE
	               ? facts_contradiction(reading, "what a verifier saw doesn't follow what was seen before")
	               : r;
}

void facts_take_verifier(const struct reading *reading, const struct journal_record *record)
{
	reading->facts->verifiers[record->duty.duty].over = record->duty.agent == UINT32_MAX;
}
