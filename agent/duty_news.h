/* SPDX-License-Identifier: Apache-2.0 */
/* What duties have yielded and nobody has taken yet: what became of steps, and what readers have read. Zero is empty.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/driver.h"
#include "common/wire/message.h"

/* What became of a setup or teardown step. Zero is none. */
struct duty_outcome {
	uint32_t duty; /* by the plan's number */
	char problem[DUTY_PROBLEM_SIZE];
	struct text_pair *values;
	uint32_t value_count;
};

struct duty_news {
	struct duty_outcome *outcomes; /* oldest first */
	size_t outcome_count;
	size_t outcome_capacity;
	struct duty_reading *readings;
	size_t reading_count;
	size_t reading_capacity;
};

void duty_news_deinit(struct duty_news *news);
void duty_outcome_deinit(struct duty_outcome *outcome);

/* Take out of the work what came of it. 0 or -ENOMEM. Where readings wait for too long, newer ones are left out. */
int duty_news_add_outcome(struct duty_news *news, uint32_t duty, struct duty_work *work);
int duty_news_add_readings(struct duty_news *news, struct duty_work *work);
/* Nobody wants to know any more. */
void duty_news_forget(struct duty_news *news, uint32_t duty);
/* The oldest outcome, which is the caller's then; false: there is none. */
_Bool duty_news_take(struct duty_news *news, struct duty_outcome *ret_outcome);
