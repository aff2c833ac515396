/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that lives as long as an agent's run. */
#include "agent/crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/crew_state.h"
#include "common/base/clock.h"

static void ring(const struct crew *crew)
{
	uint64_t one = 1;

	while (write(crew->config.doorbell, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *opener(void *context)
{
	struct crew *crew = context;

	crew_open(crew);
	atomic_store(&crew->opened, 1);
	ring(crew);
	return NULL;
}

static void release(struct crew *crew)
{
	while (crew->first) {
		struct epoch *epoch = crew->first;

		crew->first = epoch->next;
		epoch_free(epoch);
	}
	for (size_t i = 0; i < crew->value_count; i++) {
		free(crew->values[i].name);
		free(crew->values[i].value);
	}
	free(crew->values);
	free(crew->duty_numbers);
	health_free(crew->health);
	free(crew);
}

int crew_new(const struct crew_config *config, struct crew **ret_crew)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	int r;

	if (!crew)
		return -ENOMEM;
	crew->config = *config;
	crew->health = health_new();
	r = epoch_new(config->assignment, config->epoch, 0, &crew->first);
	crew->newest = crew->adopted = crew->first;
	if (r == 0)
		r = crew->health ? -pthread_create(&crew->opener, NULL, opener, crew) : -ENOMEM;
	if (r < 0) {
		release(crew);
		return r;
	}
	*ret_crew = crew;
	return 0;
}

struct crew *crew_free(struct crew *crew)
{
	if (!crew)
		return NULL;
	pthread_join(crew->opener, NULL);
	duties_free(crew->duties);
	crew_release_verifiers(crew);
	/* Seconds come back to us and are freed with their recorders, which need nothing of the workers' any more. */
	for (uint32_t i = 0; i < crew->worker_count; i++)
		worker_free(crew->workers[i]);
	free(crew->workers);
	snapshots_free(crew->snapshots);
	free(crew->targets);
	free(crew->facts);
	plan_free(crew->plan);
	release(crew);
	return NULL;
}

enum crew_state crew_state(struct crew *crew)
{
	enum crew_state state = CREW_OPEN;

	if (!atomic_load(&crew->opened))
		return CREW_OPENING;
	crew_catch_up(crew);
	if (crew->failure.code < 0)
		return CREW_FAILED;
	for (uint32_t i = 0; i < crew->worker_count; i++) {
		switch (worker_state(crew->workers[i])) {
		case WORKER_OPENING:
			state = CREW_OPENING;
			break;
		case WORKER_FAILED:
			crew->failure = *worker_failure(crew->workers[i]);
			return CREW_FAILED;
		case WORKER_OPEN:
		case WORKER_DONE:
			break;
		}
	}
	return state;
}

const struct failure *crew_failure(const struct crew *crew)
{
	return &crew->failure;
}

/* The second that is recorded first. One that had something to do from T0 on owes all of them. */
static uint64_t first_second(const struct crew *crew)
{
	uint64_t now_ns = clock_now_ns();

	if (crew->t0_ns >= now_ns || !epoch_is_empty(crew->adopted))
		return 0;
	return (now_ns - crew->t0_ns) / NS_PER_S;
}

void crew_start(struct crew *crew, uint64_t t0_ns)
{
	uint64_t first, earliest;

	crew->t0_ns = t0_ns;
	crew->clock.t0_ns = t0_ns;
	health_start(crew->health);
	first = first_second(crew);
	snapshots_begin(crew->snapshots, first);
	for (uint32_t i = 0; i < crew->worker_count; i++)
		worker_start(crew->workers[i], t0_ns, first);
	earliest = crew_earliest_ns(crew);
	for (struct epoch *epoch = crew->adopted->next; epoch; epoch = epoch->next) {
		if (epoch->effective_ns < earliest)
			epoch->effective_ns = earliest;
	}
	crew_catch_up(crew);
}

void crew_clock(struct crew *crew, uint64_t t0_ns)
{
	atomic_store_explicit(&crew->clock.correction_ns, (int64_t)(crew->t0_ns - t0_ns), memory_order_relaxed);
}

int crew_begin(struct crew *crew, uint32_t scenario, uint64_t at_ns)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < crew->worker_count; i++)
		r = worker_begin(crew->workers[i], scenario, at_ns);
	return r;
}

void crew_stop(struct crew *crew, uint64_t at_ns, uint64_t grace_ns)
{
	for (uint32_t i = 0; i < crew->worker_count; i++)
		worker_stop(crew->workers[i], at_ns, grace_ns);
}

static void give_back(void *context, uint32_t worker, struct second *second)
{
	struct crew *crew = context;

	worker_give(crew->workers[worker], second);
}

static int collect(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->worker_count; i++) {
		struct second *second;

		while ((second = worker_take(crew->workers[i]))) {
			int r = snapshots_add(crew->snapshots, i, second);

			if (r < 0) {
				second_free(second);
				return r;
			}
		}
	}
	return 0;
}

static int take_reading(void *context, const struct duty_reading *reading)
{
	struct crew *crew = context;

	return snapshots_reading(crew->snapshots, reading->metric, reading->label, reading->value);
}

int crew_snapshot(struct crew *crew, struct snapshot **ret_snapshot)
{
	struct wire_health health;
	int r = collect(crew);

	if (r < 0 || !snapshots_ready(crew->snapshots))
		return r;
	if (crew->duties)
		r = duties_take_readings(crew->duties, take_reading, crew);
	if (r < 0)
		return r;
	health_sample(crew->health, snapshots_cpu_at_start_ns(crew->snapshots), &health);
	r = snapshots_make(crew->snapshots, &health, give_back, crew, ret_snapshot);
	return r < 0 ? r : 1;
}

uint64_t crew_end_ns(const struct crew *crew)
{
	return snapshots_schedule_end_ns(crew->snapshots);
}

_Bool crew_done(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->worker_count; i++) {
		if (worker_state(crew->workers[i]) != WORKER_DONE)
			return 0;
	}
	return 1;
}

/* Behind what the probe has learned, once; of several workers the first one tells. */
static void add_topology(struct target_facts *facts, const char *learned)
{
	size_t used = strlen(facts->topology);

	if (!learned[0] || facts->topology_learned)
		return;
	facts->topology_learned = 1;
	snprintf(facts->topology + used, sizeof(facts->topology) - used, "%s%s", used > 0 ? "; " : "", learned);
}

/* Takes over from a done worker what the probe could not know. */
static void learn(struct crew *crew, uint32_t target)
{
	struct target_facts *facts = &crew->facts[target];

	for (uint32_t i = 0; i < crew->worker_count; i++) {
		const struct target_facts *learned;

		if (worker_state(crew->workers[i]) != WORKER_DONE)
			continue;
		learned = &worker_facts(crew->workers[i])[target];
		if (learned->version[0])
			snprintf(facts->version, sizeof(facts->version), "%s", learned->version);
		add_topology(facts, learned->topology);
	}
}

const struct wire_target *crew_targets(struct crew *crew, uint32_t *ret_count)
{
	for (uint32_t i = 0; i < crew->plan->target_count; i++) {
		struct target_facts *facts = &crew->facts[i];

		learn(crew, i);
		crew->targets[i] = (struct wire_target){
		        .name = crew->plan->targets[i].name,
		        .version = facts->version,
		        .topology = facts->topology,
		        .idle_round_trip_ns = facts->idle_round_trip_ns,
		        .local = facts->local,
		        .problem = facts->problem,
		};
	}
	*ret_count = crew->plan->target_count;
	return crew->targets;
}
