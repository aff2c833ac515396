/* SPDX-License-Identifier: Apache-2.0 */
/* Asks each target of a plan what it is: a thread for each. */
#include "agent/probes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/secrets.h"
#include "common/base/cleanup.h"

struct probe {
	const struct driver_ops *ops;
	struct driver_config config;
	struct target_facts *facts;
	struct secrets *secrets; /* the thread's */
	int timeout_ms;
	pthread_t thread;
	_Bool running;
};

static void *probe(void *context)
{
	struct probe *probe = context;

	probe->ops->probe(&probe->config, probe->timeout_ms, probe->facts);
	return NULL;
}

static int start(struct probe *of, const struct probes_config *config, uint32_t target, struct target_facts *facts)
{
	int r;

	*facts = (struct target_facts){0};
	of->ops = config->drivers[config->plan->targets[target].kind];
	if (!of->ops || !of->ops->probe)
		return 0;
	of->secrets = secrets_new(config->secrets_folder);
	if (!of->secrets)
		return -ENOMEM;
	of->config = (struct driver_config){
	        .plan = config->plan,
	        .target = &config->plan->targets[target],
	        .log = config->log,
	        .agent_name = config->agent_name,
	        .run_id = config->run_id,
	        .secret = secrets_get,
	        .secret_context = of->secrets,
	};
	of->facts = facts;
	of->timeout_ms = config->timeout_ms;
	r = pthread_create(&of->thread, NULL, probe, of);
	of->running = r == 0;
	return -r;
}

int probes_run(const struct probes_config *config, struct target_facts *ret_facts)
{
	uint32_t count = config->plan->target_count;
	cleanup(cleanup_free) struct probe *probes = calloc(count + 1, sizeof(*probes));
	int r = 0;

	if (!probes)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = start(&probes[i], config, i, &ret_facts[i]);
	for (uint32_t i = 0; i < count; i++) {
		if (probes[i].running)
			pthread_join(probes[i].thread, NULL);
		secrets_free(probes[i].secrets);
	}
	return r;
}
