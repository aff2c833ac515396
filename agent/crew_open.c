/* SPDX-License-Identifier: Apache-2.0 */
/* Makes what a crew needs: the plan, the portions, the workers, the duties' thread, and what is known of the targets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/crew_state.h"
#include "agent/probes.h"

enum { PROBE_TIMEOUT_MS = 3000 };

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
	return r;
}

static int start_workers(struct crew *crew)
{
	crew->workers = calloc(crew->config.workers, sizeof(struct worker *));
	if (!crew->workers)
		return failure_set(&crew->failure, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < crew->config.workers; i++) {
		const struct engine_config config = {
		        .plan = crew->plan,
		        .portion = &crew->first->portions[i],
		        .drivers = crew->config.drivers,
		        .agent_name = crew->config.assignment->agent_name,
		        .run_id = crew->config.run_id,
		        .secrets_folder = crew->config.secrets_folder,
		        .log = crew->config.log,
		        .clock = &crew->clock,
		        .worker = i,
		        .workers = crew->config.workers,
		        .agent_index = crew->config.assignment->agent_index,
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
	        .secrets_folder = crew->config.secrets_folder,
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

static _Bool has_verifier(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->duty_count; i++)
		if (plan->duties[i].kind == DUTY_VERIFIER)
			return 1;
	return 0;
}

static int start_duties(struct crew *crew)
{
	const struct duties_config config = {
	        .plan = crew->plan,
	        .drivers = crew->config.drivers,
	        .agent_name = crew->config.assignment->agent_name,
	        .run_id = crew->config.run_id,
	        .secrets_folder = crew->config.secrets_folder,
	        .log = crew->config.log,
	        .doorbell = crew->config.doorbell,
	};
	int r = crew->plan->duty_count > 0 ? duties_new(&config, &crew->duties) : 0;

	if (r == 0 && has_verifier(crew->plan))
		r = verifiers_new(&config, &crew->verifiers);
	return r < 0 ? failure_set(&crew->failure, r, "cannot start a thread: %s", strerrordesc_np(-r)) : 0;
}

void crew_open(struct crew *crew)
{
	int r = read_plan(crew);

	if (r == 0)
		r = allow_check(crew->plan, crew->config.allowed, crew->config.allowed_count, &crew->failure);
	if (r == 0)
		r = epoch_divide(crew->first, NULL, crew->plan, crew->config.workers, &crew->failure);
	if (r == 0)
		r = start_workers(crew);
	if (r == 0)
		r = probe_targets(crew);
	if (r == 0)
		r = start_duties(crew);
	if (r < 0)
		return;
	r = snapshots_new(crew->plan, crew->worker_count, &crew->snapshots);
	if (r == 0)
		r = snapshots_shift(crew->snapshots, crew->first->number, 0);
	if (r < 0)
		failure_set(&crew->failure, r, "no memory");
}
