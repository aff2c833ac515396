/* SPDX-License-Identifier: Apache-2.0 */
/* The degraded seconds, by agent and reason: agents that lack the same seconds for the same reason are told in one. */
#include "coordinator/replay/replay_degraded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/units.h"

enum {
	NAMED_MAX = 3, /* agents; of more it is said how many they are */
	COUNT_TEXT = 32,
};

/* What one agent lacks. The texts are borrowed. */
struct lack {
	uint32_t agent;
	struct second_range seconds;
	const char *what;   /* "lost", ... */
	const char *reason; /* "" or why */
};

struct lacks {
	struct lack *items;
	size_t count, capacity;
};

static void lacks_deinit(struct lacks *lacks)
{
	free(lacks->items);
}

static int lacks_add(struct lacks *lacks, const struct lack *lack)
{
	int r = array_reserve(&lacks->items, &lacks->capacity, lacks->count, sizeof(*lacks->items));

	if (r == 0)
		lacks->items[lacks->count++] = *lack;
	return r;
}

/* True if no later second of the agent is held. */
static _Bool ends_silent(const struct facts_agent *agent, const struct second_range *seconds)
{
	return agent->held_count == 0 || agent->held[agent->held_count - 1].last < seconds->past;
}

/* The loss behind missing seconds: the last one that lies in them, or before and went on into them. One that is lost by
 * its silence may have been given up when all that it owed was over. */
static const struct facts_loss *find_loss(const struct facts_agent *agent, const struct second_range *seconds)
{
	for (size_t i = agent->loss_count; i > 0; i--) {
		const struct facts_loss *loss = &agent->losses[i - 1];

		if (loss->at_ns < seconds->past * NS_PER_S && loss->back_ns > seconds->first * NS_PER_S)
			return loss;
	}
	return agent->lost && ends_silent(agent, seconds) ? &agent->losses[agent->loss_count - 1] : NULL;
}

static struct lack explain(const struct facts *facts, uint32_t index, const struct second_range *seconds)
{
	const struct facts_agent *agent = &facts->agents[index];
	const struct facts_loss *loss = find_loss(agent, seconds);
	struct lack lack = {.agent = index, .seconds = *seconds, .what = "without a snapshot", .reason = ""};

	if (loss) {
		lack.what = "lost";
		lack.reason = loss->reason;
	} else if (agent->left) {
		lack.what = "left";
	} else if (agent->held_count > 0 && agent->held[0].first >= seconds->past) {
		lack.what = "not running yet";
	}
	return lack;
}

static int find_missing(const struct facts *facts, const struct span *span, struct lacks *lacks)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < facts->agent_count; i++) {
		struct second_range range = {0};

		while (r == 0 && due_missing(&span->dues[i], &facts->agents[i], range.past, &range)) {
			struct lack lack = explain(facts, i, &range);

			r = lacks_add(lacks, &lack);
		}
	}
	return r;
}

static int find_gaps(const struct coverage *coverage, struct lacks *lacks)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < coverage->gap_count; i++)
		r = lacks_add(lacks, &(struct lack){.agent = coverage->gaps[i].agent,
		                                    .seconds = coverage->gaps[i].seconds,
		                                    .what = "had not heard of its new share",
		                                    .reason = ""});
	return r;
}

/* Not longer than the agent says that it ever stood still: it may have had nothing to start before. */
static struct second_range stalled_seconds(const struct facts_agent *agent, const struct facts_stall *stall)
{
	uint64_t most = agent->health.stalled_ns / NS_PER_S + 1;
	uint64_t first = agent->has_status && stall->late > stall->first + most ? stall->late - most : stall->first;

	return (struct second_range){first, stall->last + 1};
}

static int find_stalls(const struct facts *facts, struct report *report, struct lacks *lacks)
{
	int r = 0;

	for (uint32_t i = 0; i < facts->agent_count; i++)
		for (size_t k = 0; r == 0 && k < facts->agents[i].stall_count; k++) {
			const struct facts_stall *stall = &facts->agents[i].stalls[k];
			char count[COUNT_TEXT];
			char *reason = report_format_text(report, "%s iterations dropped as late",
			                                  units_format_count(stall->dropped, count, sizeof(count)));

			r = reason ? lacks_add(lacks,
			                       &(struct lack){.agent = i,
			                                      .seconds = stalled_seconds(&facts->agents[i], stall),
			                                      .what = "stood still",
			                                      .reason = reason})
			           : -ENOMEM;
		}
	return r;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* What is told together stands together. */
static int compare_told(const struct lack *a, const struct lack *b)
{
	int c = compare_numbers(a->seconds.first, b->seconds.first);

	if (c == 0)
		c = compare_numbers(a->seconds.past, b->seconds.past);
	if (c == 0)
		c = strcmp(a->what, b->what);
	return c ? c : strcmp(a->reason, b->reason);
}

static int compare_lacks(const void *left, const void *right)
{
	const struct lack *a = left, *b = right;
	int c = compare_told(a, b);

	return c ? c : compare_numbers(a->agent, b->agent);
}

/* "local-3 lost (it went silent)", "a, b, c and 4 more lost" */
static int append_why(struct buffer *buffer, const struct facts *facts, const struct lack *lacks, size_t count)
{
	for (size_t i = 0; i < count && i < NAMED_MAX; i++)
		buffer_append_format(buffer, "%s%s", i ? ", " : "", facts->agents[lacks[i].agent].hello.name);
	if (count > NAMED_MAX)
		buffer_append_format(buffer, " and %zu more", count - NAMED_MAX);
	buffer_append_format(buffer, " %s", lacks->what);
	if (lacks->reason[0])
		buffer_append_format(buffer, " (%s)", lacks->reason);
	return buffer->failed;
}

static int tell(const struct facts *facts, const struct lack *lacks, size_t count, struct report *report)
{
	struct buffer why cleanup(buffer_deinit) = {0};
	struct report_degradation *told = &report->degradations[report->degradation_count];

	if (append_why(&why, facts, lacks, count) < 0)
		return -ENOMEM;
	told->first_s = (uint32_t)lacks->seconds.first;
	told->last_s = (uint32_t)(lacks->seconds.past - 1);
	told->why = report_copy(report, buffer_text(&why));
	report->degradation_count++;
	return told->why ? 0 : -ENOMEM;
}

static int tell_all(const struct facts *facts, const struct lacks *lacks, struct report *report)
{
	int r = 0;

	for (size_t i = 0, count; r == 0 && i < lacks->count; i += count) {
		for (count = 1; i + count < lacks->count; count++)
			if (compare_told(&lacks->items[i], &lacks->items[i + count]) != 0)
				break;
		r = tell(facts, &lacks->items[i], count, report);
	}
	return r;
}

/* What lies past the timeline's end is cut off: nothing was due there. */
static void mark(const struct lacks *lacks, struct report *report)
{
	for (size_t i = 0; i < lacks->count; i++) {
		const struct second_range *seconds = &lacks->items[i].seconds;

		for (uint64_t second = seconds->first; second < seconds->past && second < report->second_count;
		     second++)
			report->degraded[second] = 1;
	}
}

int degraded_mark(const struct facts *facts, const struct span *span, const struct coverage *coverage,
                  struct report *report)
{
	struct lacks lacks cleanup(lacks_deinit) = {0};
	int r = find_missing(facts, span, &lacks);

	if (r == 0)
		r = find_gaps(coverage, &lacks);
	if (r == 0)
		r = find_stalls(facts, report, &lacks);
	if (r < 0)
		return r;
	if (lacks.count > 0)
		qsort(lacks.items, lacks.count, sizeof(*lacks.items), compare_lacks);
	report->degradations = report_alloc(report, lacks.count, sizeof(*report->degradations));
	if (!report->degradations)
		return -ENOMEM;
	mark(&lacks, report);
	return tell_all(facts, &lacks, report);
}
