/* SPDX-License-Identifier: Apache-2.0 */
/* A run's effects, filled in and handed to the sink. */
#include "coordinator/run/run_state.h"

#include <stdarg.h>
#include <stdio.h>

#define GRUMBLE_NS NS_PER_S
enum { GRUMBLES_AT_ONCE = 20 };

static void tell(struct run *run, _Bool warning, const char *text)
{
	(void)run->config.effect(run->config.context,
	                         &(struct run_effect){.type = RUN_TELL, .warning = warning, .text = text});
}

void run_tell(struct run *run, _Bool warning, const char *format, ...)
{
	char text[RUN_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tell(run, warning, text);
}

void run_grumble(struct run *run, uint64_t now_ns, const char *format, ...)
{
	char text[RUN_TEXT_SIZE];
	uint64_t withheld;
	va_list arguments;
	int length;

	if (!ration_take(&run->grumbles, now_ns, GRUMBLE_NS, GRUMBLES_AT_ONCE, &withheld))
		return;
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (withheld > 0 && length >= 0 && (size_t)length < sizeof(text))
		snprintf(text + length, sizeof(text) - (size_t)length, " (and %llu more of such notices)",
		         (unsigned long long)withheld);
	tell(run, 1, text);
}

int run_journal(void *context, const struct journal_record *record)
{
	struct run *run = context;

	return run->config.effect(run->config.context, &(struct run_effect){.type = RUN_JOURNAL, .record = record});
}

/* The envelope is filled in here; what can't be delivered is sent again when the agent says hello. */
int run_send(struct run *run, const struct roster_agent *agent, struct message *message)
{
	snprintf(message->run_id, sizeof(message->run_id), "%s", run->config.run_id);
	message->incarnation = agent->incarnation;
	message->epoch = run->division.epoch;
	return run->config.effect(run->config.context, &(struct run_effect){.type = RUN_SEND, .message = message});
}

int64_t run_wall_ns(const struct run *run, uint64_t now_ns)
{
	return (int64_t)now_ns + run->config.wall_offset_ns;
}

uint64_t run_since_t0_ns(const struct run *run, uint64_t now_ns)
{
	return run->t0_ns && now_ns > run->t0_ns ? now_ns - run->t0_ns : 0;
}

int run_enter(struct run *run, enum run_state state, uint64_t now_ns)
{
	struct journal_record record = {.type = JOURNAL_STATE,
	                                .state = {.state = state, .at_unix_ns = run_wall_ns(run, now_ns)}};
	int r = run_journal(run, &record);

	if (r == 0)
		run->state = state;
	return r;
}
