/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of messages: their numbers, which the coordinator takes apart again (see docs/protocol.md). */
#include "agent/drivers/kafka/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Bool streams_needed(const struct step_map *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		if (map->steps[i]->produce.stamp != STAMP_NONE)
			return 1;
	}
	return 0;
}

_Bool streams_verified(const struct step_map *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		if (map->steps[i]->produce.verify != VERIFY_NONE)
			return 1;
	}
	return 0;
}

/* Over the whole plan. */
static uint32_t number_of(const struct plan *plan, const struct step *step)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];

		if (step >= scenario->steps && step < scenario->steps + scenario->step_count)
			return plan_step_number(plan, i, (uint32_t)(step - scenario->steps));
	}
	return 0;
}

static int open_stream(struct stream *stream, const struct driver_config *config, const struct step *step,
                       uint32_t client, const uint8_t tag[8], struct sent_log *log)
{
	uint64_t number = (uint64_t)client * plan_step_count(config->plan) + number_of(config->plan, step);
	uint64_t id = stamp_stream(config->agent_index, (uint32_t)number);

	if (number > UINT32_MAX)
		return -EOVERFLOW;
	stamper_init(&stream->stamper, tag, id);
	if (step->produce.verify == VERIFY_NONE)
		return 0;
	stream->sent = sent_log_open(log, id, template_source(step->produce.topic));
	return stream->sent ? 0 : -ENOMEM;
}

struct stream *streams_new(const struct driver_config *config, const struct step_map *map, uint32_t client,
                           struct sent_log *log, struct failure *failure)
{
	struct stream *streams = calloc(map->count + 1, sizeof(*streams));
	uint8_t tag[8];
	int r = streams ? stamp_tag(config->run_id, tag) : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < map->count; i++) {
		if (map->steps[i]->produce.stamp != STAMP_NONE)
			r = open_stream(&streams[i], config, map->steps[i], client, tag, log);
	}
	if (r == 0)
		return streams;
	free(streams);
	failure_set(failure, r, "cannot number the messages of target %s: %s", config->target->name,
	            strerrordesc_np(-r));
	return NULL;
}
