/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent may come to need.
 *
 * The sizes below are what max_rss of real runs showed on amd64, rounded up: an idle agent, and then the growth by
 * 10,000 VUs (null), 3,000 groups (null), 500 HTTP sessions with a connection each, and 20 producers. */
#include "coordinator/footprint.h"

#include <string.h>

#include "coordinator/run/division.h"

#define AGENT_BYTES (UINT64_C(15) << 20)
#define VU_BYTES 2048
#define HTTP_SESSION_BYTES 34816
#define CONNECTION_BYTES 65536              /* libpq's buffers and what it knows of the session */
#define PRODUCER_BYTES 524288               /* a Kafka client with its threads and short queues */
#define CONSUMER_BYTES (UINT64_C(17) << 20) /* likewise, with all that it may have fetched ahead */
#define SERIES_BYTES 1536                   /* with a second's sparse histogram; few series are counters */
#define STEP_SERIES 6                       /* a step and group have so many */
#define FEED_ROW_BYTES 16

/* The feed whose one value of each row is the whole template, or NULL. */
static const struct feed *feed_of(const struct plan *plan, const struct template *template)
{
	const char *source = template_source(template);
	size_t length = strlen(source);

	if (length < 4 || memcmp(source, "{{", 2) != 0 || strstr(source, "}}") != source + length - 2)
		return NULL;
	for (uint32_t i = 0; i < plan->feed_count; i++)
		for (uint32_t column = 0; column < feed_columns(plan->feeds[i]); column++)
			if (template_uses(template, feed_slot(plan->feeds[i], column)))
				return plan->feeds[i];
	return NULL;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How many groups a step may get, when it runs so often. */
static uint64_t groups_of(const struct plan *plan, const struct step *step, uint64_t iterations)
{
	const struct feed *feed;

	if (!step->group || template_is_constant(step->group))
		return 1;
	feed = feed_of(plan, step->group);
	return least(iterations, least(plan->max_groups, feed ? feed_rows(feed) : UINT64_MAX));
}

static uint64_t scenario_bytes(const struct plan *plan, const struct scenario *scenario, const struct portion *portion)
{
	uint64_t bytes = portion->vus * VU_BYTES + portion->producers * PRODUCER_BYTES;
	_Bool http = 0;

	for (uint32_t i = 0; i < scenario->step_count; i++) {
		const struct step *step = &scenario->steps[i];

		http = http || step->kind == STEP_HTTP;
		if (step->kind == STEP_CONSUME)
			bytes += portion->vus * CONSUMER_BYTES;
		if (step->kind != STEP_THINK)
			bytes += groups_of(plan, step, portion->iterations) * STEP_SERIES * SERIES_BYTES;
	}
	return bytes + (http ? portion->vus * HTTP_SESSION_BYTES : 0);
}

int footprint_bytes(const struct plan *plan, const struct share *shares, uint32_t agent_count, uint64_t *ret_bytes)
{
	uint64_t bytes = AGENT_BYTES;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		struct portion portion;
		int r = division_portion(&plan->scenarios[i], &shares[i], &portion);

		if (r < 0)
			return r;
		bytes += scenario_bytes(plan, &plan->scenarios[i], &portion);
	}
	for (uint32_t i = 0; i < plan->target_count; i++)
		if (plan->targets[i].kind == TARGET_POSTGRES)
			bytes += (plan->targets[i].postgres.connections + agent_count - 1) / agent_count *
			         CONNECTION_BYTES;
	for (uint32_t i = 0; i < plan->feed_count; i++) {
		size_t size;

		feed_data(plan->feeds[i], &size);
		bytes += size + feed_rows(plan->feeds[i]) * FEED_ROW_BYTES;
	}
	*ret_bytes = bytes;
	return 0;
}

static _Bool moves_shares(const struct plan *plan)
{
	return plan->elastic || plan->on_agent_loss == ON_AGENT_LOSS_REDISTRIBUTE;
}

int footprint_rows(const struct plan *plan, const struct share *shares, uint32_t feed, struct footprint_rows *ret_rows)
{
	struct footprint_rows rows = {0};

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		struct portion portion;
		int r;

		if (!plan_scenario_uses_feed(plan, i, feed))
			continue;
		r = division_portion(&plan->scenarios[i], &shares[i], &portion);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(rows.retired, portion.iterations, &rows.retired))
			rows.retired = UINT64_MAX;
		if (moves_shares(plan) && executor_is_open(plan->scenarios[i].executor))
			rows.spares += portion.iterations;
	}
	*ret_rows = rows;
	return 0;
}
