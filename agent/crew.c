/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that lives as long as an agent's run. */
#include "agent/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/health.h"
#include "agent/portion.h"
#include "agent/probes.h"
#include "agent/worker.h"
#include "common/base/cleanup.h"

enum { PROBE_TIMEOUT_MS = 3000 };

struct crew {
	struct crew_config config;
	pthread_t opener;
	atomic_bool opened;     /* the opener has ended; what it made is ours */
	struct failure failure; /* the opener's until then */
	struct plan *plan;
	struct portion *portions;
	struct worker **workers;
	uint32_t worker_count;
	struct target_facts *facts; /* by target: from the probes */
	struct wire_target *targets;
	struct snapshots *snapshots;
	struct health *health;
};

static void ring(const struct crew *crew)
{
	uint64_t one = 1;

	while (write(crew->config.doorbell, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* On the opener's thread. */

static int read_plan(struct crew *crew)
{
	const struct message_assign *assignment = crew->config.assignment;
	struct failures failures = {0};
	int r = plan_parse(assignment->plan, assignment->plan_size, crew->config.files, assignment->file_count,
	                   &failures, &crew->plan);

	if (r < 0) {
		char text[FAILURE_TEXT_MAX] = "no memory";

		if (failures.count > 0)
			failure_format(&failures.items[0], text, sizeof(text));
		failure_set(&crew->failure, r, "the plan cannot be read: %s", text);
	}
	failures_deinit(&failures);
	if (r == 0 && crew->plan->scenario_count != assignment->share_count)
		return failure_set(&crew->failure, -EINVAL, "the plan has %u scenarios, and shares came for %u",
		                   crew->plan->scenario_count, assignment->share_count);
	return r;
}

static int divide(struct crew *crew)
{
	const struct portion_config config = {
	        .plan = crew->plan,
	        .shares = crew->config.assignment->shares,
	        .agent_index = crew->config.assignment->agent_index,
	        .agent_count = crew->config.assignment->agent_count,
	        .workers = crew->config.workers,
	};
	int r;

	crew->portions = calloc(crew->config.workers, sizeof(*crew->portions));
	if (!crew->portions)
		return failure_set(&crew->failure, -ENOMEM, "no memory");
	r = portion_divide(&config, crew->portions);
	return r < 0 ? failure_set(&crew->failure, r, "cannot divide the share: %s", strerrordesc_np(-r)) : 0;
}

static int start_workers(struct crew *crew)
{
	crew->workers = calloc(crew->config.workers, sizeof(struct worker *));
	if (!crew->workers)
		return failure_set(&crew->failure, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < crew->config.workers; i++) {
		const struct engine_config config = {
		        .plan = crew->plan,
		        .portion = &crew->portions[i],
		        .drivers = crew->config.drivers,
		        .agent_name = crew->config.assignment->agent_name,
		        .run_id = crew->config.run_id,
		        .secrets_folder = crew->config.secrets_folder,
		        .log = crew->config.log,
		        .worker = i,
		};
		int r = worker_new(&config, crew->config.doorbell, &crew->workers[i]);

		if (r < 0)
			return failure_set(&crew->failure, r, "cannot start a worker: %s", strerrordesc_np(-r));
		crew->worker_count++;
	}
	return 0;
}

static int probe_targets(struct crew *crew)
{
	const struct probes_config config = {
	        .plan = crew->plan,
	        .drivers = crew->config.drivers,
	        .log = crew->config.log,
	        .agent_name = crew->config.assignment->agent_name,
	        .run_id = crew->config.run_id,
	        .timeout_ms = PROBE_TIMEOUT_MS,
	};
	int r;

	crew->facts = calloc(crew->plan->target_count + 1, sizeof(*crew->facts));
	crew->targets = calloc(crew->plan->target_count + 1, sizeof(*crew->targets));
	if (!crew->facts || !crew->targets)
		return failure_set(&crew->failure, -ENOMEM, "no memory");
	r = probes_run(&config, crew->facts);
	return r < 0 ? failure_set(&crew->failure, r, "cannot probe the targets: %s", strerrordesc_np(-r)) : 0;
}

static int open_crew(struct crew *crew)
{
	int r = read_plan(crew);

	if (r == 0)
		r = allow_check(crew->plan, crew->config.allowed, crew->config.allowed_count, &crew->failure);
	if (r == 0)
		r = divide(crew);
	if (r == 0)
		r = start_workers(crew);
	if (r == 0)
		r = probe_targets(crew);
	if (r < 0)
		return r;
	r = snapshots_new(crew->plan, crew->worker_count, &crew->snapshots);
	return r < 0 ? failure_set(&crew->failure, r, "no memory") : 0;
}

static void *opener(void *context)
{
	struct crew *crew = context;

	open_crew(crew);
	atomic_store(&crew->opened, 1);
	ring(crew);
	return NULL;
}

/* On the main thread. */

int crew_new(const struct crew_config *config, struct crew **ret_crew)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	int r;

	if (!crew)
		return -ENOMEM;
	crew->config = *config;
	crew->health = health_new();
	if (!crew->health) {
		free(crew);
		return -ENOMEM;
	}
	r = pthread_create(&crew->opener, NULL, opener, crew);
	if (r != 0) {
		health_free(crew->health);
		free(crew);
		return -r;
	}
	*ret_crew = crew;
	return 0;
}

struct crew *crew_free(struct crew *crew)
{
	if (!crew)
		return NULL;
	pthread_join(crew->opener, NULL);
	/* Seconds come back to us and are freed with their recorders, which need nothing of the workers' any more. */
	for (uint32_t i = 0; i < crew->worker_count; i++)
		worker_free(crew->workers[i]);
	free(crew->workers);
	snapshots_free(crew->snapshots);
	for (uint32_t i = 0; crew->portions && i < crew->config.workers; i++)
		portion_deinit(&crew->portions[i]);
	free(crew->portions);
	free(crew->targets);
	free(crew->facts);
	health_free(crew->health);
	plan_free(crew->plan);
	free(crew);
	return NULL;
}

enum crew_state crew_state(struct crew *crew)
{
	enum crew_state state = CREW_OPEN;

	if (!atomic_load(&crew->opened))
		return CREW_OPENING;
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

void crew_start(struct crew *crew, uint64_t t0_ns)
{
	health_start(crew->health);
	for (uint32_t i = 0; i < crew->worker_count; i++)
		worker_start(crew->workers[i], t0_ns);
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

int crew_snapshot(struct crew *crew, struct snapshot **ret_snapshot)
{
	struct wire_health health;
	int r = collect(crew);

	if (r < 0 || !snapshots_ready(crew->snapshots))
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
		if (learned->topology[0])
			snprintf(facts->topology, sizeof(facts->topology), "%s", learned->topology);
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
