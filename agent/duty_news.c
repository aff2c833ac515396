/* SPDX-License-Identifier: Apache-2.0 */
/* What duties have yielded and nobody has taken yet. */
#include "agent/duty_news.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"

/* Readings that wait for a snapshot: at ten a second of a hundred readers it has been late for seconds then, and newer
 * ones are left out. */
enum { READINGS_MAX = 4096 };

void duty_outcome_deinit(struct duty_outcome *outcome)
{
	for (uint32_t i = 0; i < outcome->value_count; i++) {
		free(outcome->values[i].name);
		free(outcome->values[i].value);
	}
	free(outcome->values);
	*outcome = (struct duty_outcome){0};
}

void duty_news_deinit(struct duty_news *news)
{
	for (size_t i = 0; i < news->outcome_count; i++)
		duty_outcome_deinit(&news->outcomes[i]);
	for (size_t i = 0; i < news->reading_count; i++)
		free(news->readings[i].label);
	free(news->outcomes);
	free(news->readings);
	*news = (struct duty_news){0};
}

int duty_news_add_outcome(struct duty_news *news, uint32_t duty, struct duty_work *work)
{
	struct duty_outcome outcome = {.duty = duty};

	if (array_reserve(&news->outcomes, &news->outcome_capacity, news->outcome_count, sizeof(*news->outcomes)) < 0)
		return -ENOMEM;
	outcome.values = calloc(work->value_count + 1, sizeof(*outcome.values));
	if (!outcome.values)
		return -ENOMEM;
	memcpy(outcome.problem, work->problem, sizeof(outcome.problem));
	for (size_t i = 0; i < work->value_count; i++) {
		outcome.values[outcome.value_count++] = (struct text_pair){
		        .name = steal(work->values[i].name),
		        .value = steal(work->values[i].text),
		};
	}
	news->outcomes[news->outcome_count++] = outcome;
	return 0;
}

int duty_news_add_readings(struct duty_news *news, struct duty_work *work)
{
	for (size_t i = 0; i < work->reading_count && news->reading_count < READINGS_MAX; i++) {
		if (array_reserve(&news->readings, &news->reading_capacity, news->reading_count,
		                  sizeof(*news->readings)) < 0)
			return -ENOMEM;
		news->readings[news->reading_count++] = work->readings[i];
		work->readings[i].label = NULL;
	}
	return 0;
}

void duty_news_forget(struct duty_news *news, uint32_t duty)
{
	for (size_t i = 0; i < news->outcome_count; i++) {
		if (news->outcomes[i].duty != duty)
			continue;
		duty_outcome_deinit(&news->outcomes[i]);
		memmove(&news->outcomes[i], &news->outcomes[i + 1],
		        (--news->outcome_count - i) * sizeof(*news->outcomes));
		return;
	}
}

_Bool duty_news_take(struct duty_news *news, struct duty_outcome *ret_outcome)
{
	if (news->outcome_count == 0)
		return 0;
	*ret_outcome = news->outcomes[0];
	memmove(news->outcomes, news->outcomes + 1, --news->outcome_count * sizeof(*news->outcomes));
	return 1;
}
