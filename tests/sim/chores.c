/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the thread that performs an agent's duties. */
#include "tests/sim/chores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/rota.h"

enum { VALUES_MAX = 4, VALUE_SIZE = 64 };

struct chores {
	struct sim *sim;
	uint32_t process;
	const struct plan *plan;
	struct rota rota;
	uint32_t busy_with; /* PLAN_NONE: nothing */
	uint32_t given;
	uint64_t until_ns;
	uint64_t wake_ns;
	struct text_pair values[VALUES_MAX];
	char texts[VALUES_MAX][VALUE_SIZE];
};

struct chores *chores_new(struct sim *sim, uint32_t process, const struct plan *plan)
{
	struct chores *chores = calloc(1, sizeof(*chores));

	sim_must(chores ? 0 : -ENOMEM, "chores");
	chores->sim = sim;
	chores->process = process;
	chores->plan = plan;
	chores->busy_with = PLAN_NONE;
	chores->wake_ns = CLOCK_NEVER;
	sim_must(rota_init(&chores->rota, plan), "rota");
	return chores;
}

struct chores *chores_free(struct chores *chores)
{
	if (!chores)
		return NULL;
	rota_deinit(&chores->rota);
	free(chores);
	return NULL;
}

static _Bool is_named(const uint32_t *duties, uint32_t count, uint32_t duty)
{
	for (uint32_t i = 0; i < count; i++)
		if (duties[i] == duty)
			return 1;
	return 0;
}

void chores_set(struct chores *chores, const uint32_t *duties, uint32_t count, uint64_t now_ns)
{
	for (uint32_t i = 0; i < chores->plan->duty_count; i++) {
		if (is_named(duties, count, i))
			rota_give(&chores->rota, i, now_ns);
		else
			(void)rota_take_away(&chores->rota, i);
	}
	chores->wake_ns = now_ns;
}

uint64_t chores_next_ns(const struct chores *chores)
{
	return chores->busy_with != PLAN_NONE ? chores->until_ns : chores->wake_ns;
}

static void begin(struct chores *chores, uint32_t duty, uint64_t now_ns)
{
	const struct range *latency = &chores->plan->duties[duty].null.latency_ns;

	chores->busy_with = duty;
	chores->given = rota_given(&chores->rota, duty);
	chores->until_ns = now_ns + random_between(&chores->sim->random, latency->low, latency->high);
	if (chores->plan->duties[duty].kind != DUTY_READER)
		sim_trace(chores->sim, "agent %u performs %s", chores->process, chores->plan->duties[duty].name);
}

static void tell_values(struct chores *chores, const struct duty *duty, struct message_value *over)
{
	for (uint32_t i = 0; duty->kind == DUTY_SETUP && i < duty->null.values.count && i < VALUES_MAX; i++) {
		snprintf(chores->texts[i], VALUE_SIZE, "what %s is", duty->null.values.items[i].name);
		chores->values[i] = (struct text_pair){duty->null.values.items[i].name, chores->texts[i]};
		over->value_count++;
	}
	over->values = chores->values;
}

/* True if it is one that is to be told. */
static _Bool end(struct chores *chores, struct snapshots *snapshots, uint64_t now_ns, struct message_value *ret_over)
{
	uint32_t number = chores->busy_with;
	const struct duty *duty = &chores->plan->duties[number];

	chores->busy_with = PLAN_NONE;
	chores->wake_ns = now_ns;
	if (!rota_settle(&chores->rota, number, chores->given, duty->null.fails, now_ns))
		return 0;
	if (duty->kind == DUTY_READER) {
		if (snapshots)
			sim_must(snapshots_reading(snapshots, METRIC_NULL_READING, duty->name, duty->null.reading),
			         "reading");
		return 0;
	}
	*ret_over =
	        (struct message_value){.duty = number, .problem = duty->null.fails ? (char *)"it fails" : (char *)""};
	if (!duty->null.fails)
		tell_values(chores, duty, ret_over);
	return 1;
}

_Bool chores_work(struct chores *chores, struct snapshots *snapshots, uint64_t now_ns, struct message_value *ret_over)
{
	while (chores_next_ns(chores) <= now_ns) {
		uint32_t duty;

		if (chores->busy_with != PLAN_NONE) {
			if (end(chores, snapshots, now_ns, ret_over))
				return 1;
			continue;
		}
		duty = rota_next(&chores->rota, now_ns, &chores->wake_ns);
		if (duty == PLAN_NONE)
			return 0;
		begin(chores, duty, now_ns);
	}
	return 0;
}
