/* SPDX-License-Identifier: Apache-2.0 */
/* What a session does for the whole run, and what it hears of others who did. */
#include "agent/session_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"

static void drop_over(struct message_value *over)
{
	struct message message = {.type = MESSAGE_VALUE, .value = *over};

	message_deinit(&message);
}

void session_drop_duties(struct session *session)
{
	struct message values = {.type = MESSAGE_VALUE,
	                         .value = {.values = session->values, .value_count = (uint32_t)session->value_count}};

	message_deinit(&values);
	session->values = NULL;
	session->value_count = session->value_capacity = 0;
	while (session->over_count > 0)
		drop_over(&session->overs[--session->over_count]);
	free(session->overs);
	session->overs = NULL;
	session->over_capacity = 0;
	free(session->duties);
	session->duties = NULL;
	session->duty_count = 0;
	session_drop_verifiers(session);
}

/* Values. */

/* 1: it is another value than before. */
static int set_value(struct session *session, const struct text_pair *pair)
{
	struct text_pair *into = NULL;
	char *value;

	for (size_t i = 0; i < session->value_count && !into; i++)
		into = strcmp(session->values[i].name, pair->name) == 0 ? &session->values[i] : NULL;
	if ((into && strcmp(into->value, pair->value) == 0) || (!into && session->value_count == LIMIT_VALUES))
		return 0;
	value = strdup(pair->value);
	if (!value)
		return -ENOMEM;
	if (into) {
		free(into->value);
		into->value = value;
		return 1;
	}
	if (array_reserve(&session->values, &session->value_capacity, session->value_count, sizeof(*session->values)) ==
	    0) {
		into = &session->values[session->value_count];
		into->name = strdup(pair->name);
	}
	if (!into || !into->name) {
		free(value);
		return -ENOMEM;
	}
	into->value = value;
	session->value_count++;
	return 1;
}

void session_give_values(struct session *session)
{
	struct effect *effect = session->value_count > 0 ? session_add_effect(session, EFFECT_VALUES) : NULL;

	if (!effect)
		return;
	effect->values = session->values;
	effect->count = (uint32_t)session->value_count;
}

int session_take_values(struct session *session, const struct text_pair *values, uint32_t count)
{
	_Bool changed = 0;

	if (session->state == SESSION_FREE)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		int r = set_value(session, &values[i]);

		if (r < 0)
			return r;
		changed |= r == 1;
	}
	if (changed && (session->state == SESSION_RUNNING || session->state == SESSION_FINISHED))
		session_give_values(session);
	return 0;
}

/* Duties. */

static _Bool is_named(const uint32_t *duties, uint32_t count, uint32_t duty)
{
	for (uint32_t i = 0; i < count; i++) {
		if (duties[i] == duty)
			return 1;
	}
	return 0;
}

/* The coordinator has heard of those that it doesn't name any more. */
static void forget_overs(struct session *session)
{
	size_t kept = 0;

	for (size_t i = 0; i < session->over_count; i++) {
		if (is_named(session->duties, session->duty_count, session->overs[i].duty))
			session->overs[kept++] = session->overs[i];
		else
			drop_over(&session->overs[i]);
	}
	session->over_count = kept;
}

/* Whether the agent has what a duty needs: its drivers. */
static _Bool is_open(const struct session *session)
{
	return session->state == SESSION_READY || session->state == SESSION_RUNNING ||
	       session->state == SESSION_FINISHED;
}

static int take_numbers(struct session *session, const struct message_duty *duty)
{
	size_t size = duty->duty_count * sizeof(*duty->duties);
	struct effect *effect;
	uint32_t *duties;

	if (duty->duty_count == session->duty_count && (size == 0 || memcmp(duty->duties, session->duties, size) == 0))
		return 0;
	duties = malloc(size + 1);
	if (!duties)
		return -ENOMEM;
	if (size > 0)
		memcpy(duties, duty->duties, size);
	free(session->duties);
	session->duties = duties;
	session->duty_count = duty->duty_count;
	forget_overs(session);
	effect = session_add_effect(session, EFFECT_DUTIES);
	if (!effect)
		return 0;
	effect->duties = session->duties;
	effect->count = session->duty_count;
	return 0;
}

int session_take_duty(struct session *session, const struct message_duty *duty, uint64_t now_ns)
{
	int r;

	if (!is_open(session))
		return 0;
	r = take_numbers(session, duty);
	return r < 0 ? r : session_take_verifiers(session, duty, now_ns);
}

static struct message_value *find_over(struct session *session, uint32_t duty)
{
	for (size_t i = 0; i < session->over_count; i++) {
		if (session->overs[i].duty == duty)
			return &session->overs[i];
	}
	return NULL;
}

static int copy_over(const struct message_value *from, struct message_value *ret_over)
{
	struct message_value over = {.duty = from->duty,
	                             .problem = strndup(from->problem ? from->problem : "", LIMIT_TEXT_BYTES),
	                             .values = calloc(from->value_count + 1, sizeof(*over.values))};
	_Bool copied = over.problem && over.values;

	for (uint32_t i = 0; copied && i < from->value_count; i++) {
		struct text_pair *pair = &over.values[over.value_count++];

		pair->name = strdup(from->values[i].name);
		pair->value = strdup(from->values[i].value);
		copied = pair->name && pair->value;
	}
	if (!copied) {
		drop_over(&over);
		return -ENOMEM;
	}
	*ret_over = over;
	return 0;
}

int session_duty_over(struct session *session, const struct message_value *over, uint64_t now_ns)
{
	struct message_value *into, copy;
	int r;

	if (!is_named(session->duties, session->duty_count, over->duty))
		return 0; /* taken away before it heard */
	r = array_reserve(&session->overs, &session->over_capacity, session->over_count, sizeof(*session->overs));
	if (r == 0)
		r = copy_over(over, &copy);
	if (r < 0)
		return r;
	into = find_over(session, over->duty);
	if (into)
		drop_over(into);
	else
		into = &session->overs[session->over_count++];
	*into = copy;
	session_say_overs(session, now_ns);
	return session_result(session);
}
