/* SPDX-License-Identifier: Apache-2.0 */
/* What the coordinator says in mid-run: shares of later epochs, duties, and values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/crew_state.h"
#include "common/base/array.h"
#include "common/base/clock.h"

/* What the workers need to hear of an epoch before it holds. */
#define NOTICE_NS (50 * NS_PER_MS)

/* The first whole second since T0 that the workers can still hear of in time. */
uint64_t crew_earliest_ns(const struct crew *crew)
{
	uint64_t now_ns = clock_now_ns() + NOTICE_NS;
	uint64_t since_ns = now_ns > crew->t0_ns ? now_ns - crew->t0_ns : 0;

	return (since_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S;
}

static int adopt(struct crew *crew, struct epoch *epoch)
{
	int r = epoch_divide(epoch, crew->adopted, crew->plan, crew->config.workers, &crew->failure);

	for (uint32_t i = 0; r == 0 && i < crew->worker_count; i++)
		r = worker_adopt(crew->workers[i], &epoch->portions[i], epoch->effective_ns);
	if (r == 0)
		r = snapshots_shift(crew->snapshots, epoch->number, epoch->effective_ns / NS_PER_S);
	if (r < 0 && crew->failure.code == 0)
		failure_set(&crew->failure, r, "no memory");
	crew->adopted = epoch;
	return r;
}

/* Gives the workers what they haven't yet: before the start only what holds from the start on. */
static int adopt_all(struct crew *crew)
{
	int r = 0;

	if (!atomic_load(&crew->opened) || crew->failure.code < 0)
		return crew->failure.code;
	while (r == 0 && crew->adopted->next && (crew->t0_ns > 0 || crew->adopted->next->effective_ns == 0))
		r = adopt(crew, crew->adopted->next);
	return r;
}

int crew_assign(struct crew *crew, const struct message_assign *assignment, uint32_t epoch, uint64_t effective_ns)
{
	struct epoch *next;
	int r = epoch_new(assignment, epoch, effective_ns, &next);

	if (r < 0)
		return r;
	crew->newest->next = next;
	crew->newest = next;
	return adopt_all(crew);
}

static void give_duties(struct crew *crew)
{
	if (!atomic_load(&crew->opened) || !crew->duties || !crew->duty_numbers)
		return;
	duties_set(crew->duties, crew->duty_numbers, crew->duty_count);
	free(crew->duty_numbers);
	crew->duty_numbers = NULL;
}

int crew_duties(struct crew *crew, const uint32_t *duties, uint32_t count)
{
	uint32_t *numbers = calloc(count + 1, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	if (count > 0)
		memcpy(numbers, duties, count * sizeof(*numbers));
	free(crew->duty_numbers);
	crew->duty_numbers = numbers;
	crew->duty_count = count;
	give_duties(crew);
	return 0;
}

_Bool crew_duty_over(struct crew *crew, struct duty_over *ret_over)
{
	return atomic_load(&crew->opened) && crew->duties && duties_take_over(crew->duties, ret_over);
}

/* Gives workers and duties what they haven't yet. */
static int give_values(struct crew *crew)
{
	int r = 0;

	if (!atomic_load(&crew->opened) || !crew->plan)
		return 0;
	for (; r == 0 && crew->values_given < crew->value_count; crew->values_given++) {
		const struct text_pair *pair = &crew->values[crew->values_given];
		const struct engine_value value = {
		        .slot = template_names_find(crew->plan->names, pair->name),
		        .text = pair->value,
		};

		if (value.slot == UINT32_MAX)
			continue;
		for (uint32_t i = 0; r == 0 && i < crew->worker_count; i++)
			r = worker_set_values(crew->workers[i], &value, 1);
		if (crew->duties)
			duties_set_values(crew->duties, &value, 1);
	}
	return r;
}

static int keep_value(struct crew *crew, const struct text_pair *from)
{
	struct text_pair pair;

	if (array_reserve(&crew->values, &crew->value_capacity, crew->value_count, sizeof(*crew->values)) < 0)
		return -ENOMEM;
	pair = (struct text_pair){.name = strdup(from->name), .value = strdup(from->value)};
	crew->values[crew->value_count++] = pair;
	return pair.name && pair.value ? 0 : -ENOMEM;
}

int crew_values(struct crew *crew, const struct text_pair *values, uint32_t count)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = keep_value(crew, &values[i]);
	return r < 0 ? r : give_values(crew);
}

void crew_catch_up(struct crew *crew)
{
	int r = adopt_all(crew);

	give_duties(crew);
	if (r == 0)
		r = give_values(crew);
	if (r < 0 && crew->failure.code == 0)
		failure_set(&crew->failure, r, "no memory");
}
