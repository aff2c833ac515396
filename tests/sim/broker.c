/* SPDX-License-Identifier: Apache-2.0 */
/* The topics that a seed's plan verifies. */
#include "tests/sim/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "tests/sim/sim.h"

struct partition {
	struct broker_record *records;
	size_t count, capacity;
};

struct broker {
	uint32_t topic_count;
	struct partition *partitions; /* [verifier * BROKER_PARTITIONS + partition] */
};

struct broker *broker_new(const struct plan *plan)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	sim_must(broker ? 0 : -ENOMEM, "broker");
	broker->topic_count = plan->duty_count;
	broker->partitions = calloc((size_t)(plan->duty_count + 1) * BROKER_PARTITIONS, sizeof(*broker->partitions));
	sim_must(broker->partitions ? 0 : -ENOMEM, "broker");
	return broker;
}

struct broker *broker_free(struct broker *broker)
{
	if (!broker)
		return NULL;
	for (size_t i = 0; i < (size_t)broker->topic_count * BROKER_PARTITIONS; i++)
		free(broker->partitions[i].records);
	free(broker->partitions);
	free(broker);
	return NULL;
}

uint32_t broker_verifier_of(const struct plan *plan, const struct scenario *scenario)
{
	const struct step *step = &scenario->steps[0];

	if (step->kind != STEP_PRODUCE || step->produce.verify == VERIFY_NONE)
		return PLAN_NONE;
	for (uint32_t i = 0; i < plan->duty_count; i++)
		if (plan->duties[i].kind == DUTY_VERIFIER &&
		    strcmp(plan->duties[i].verify.topic, template_source(step->produce.topic)) == 0)
			return i;
	return PLAN_NONE;
}

static struct partition *at(const struct broker *broker, uint32_t verifier, uint32_t partition)
{
	return &broker->partitions[(size_t)verifier * BROKER_PARTITIONS + partition];
}

void broker_append(struct broker *broker, uint32_t verifier, uint32_t partition, const struct broker_record *record)
{
	struct partition *into = at(broker, verifier, partition);

	sim_must(array_reserve(&into->records, &into->capacity, into->count, sizeof(*into->records)), "record");
	into->records[into->count++] = *record;
}

_Bool broker_has(const struct broker *broker, uint32_t verifier, uint32_t partition)
{
	return partition + 1 < BROKER_PARTITIONS || at(broker, verifier, partition)->count > 0;
}

uint64_t broker_end(const struct broker *broker, uint32_t verifier, uint32_t partition)
{
	return at(broker, verifier, partition)->count;
}

const struct broker_record *broker_get(const struct broker *broker, uint32_t verifier, uint32_t partition,
                                       uint64_t offset)
{
	return &at(broker, verifier, partition)->records[offset];
}
