/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the threads that verify.
 *
 * A verifier reads a part of what is there, reports it, and goes on when that is answered: so what the coordinator must
 * cope with, reports of any length at any time, comes by chance. */
#include "tests/sim/verifiers.h"

#include <errno.h>
#include <stdlib.h>

#include "common/stats/seen_log.h"
#include "tests/sim/broker.h"
#include "tests/sim/oracle.h"

enum {
	VERIFIERS_MAX = 16,
	FAILS_ONE_IN = 2000 /* reports */,
	SKIPS_ONE_IN = 1000 /* likewise: such a one must not be believed */
};

struct verifier {
	uint64_t reader; /* 0: it is not ours */
	uint64_t seq;
	uint64_t next_ns; /* when it has something to say; CLOCK_NEVER while an answer is waited for */
	_Bool begun, during, closing, took_ends, over;
	_Bool known[BROKER_PARTITIONS]; /* it has a start */
	uint64_t positions[BROKER_PARTITIONS], ends[BROKER_PARTITIONS];
};

struct sim_verifiers {
	struct sim *sim;
	uint32_t process;
	const struct plan *plan;
	struct verifier items[VERIFIERS_MAX]; /* by duty */
	/* What the report that is given out points to. */
	struct wire_offset starts[BROKER_PARTITIONS], ends[BROKER_PARTITIONS];
	struct buffer seen;
};

struct sim_verifiers *sim_verifiers_new(struct sim *sim, uint32_t process, const struct plan *plan)
{
	struct sim_verifiers *verifiers = calloc(1, sizeof(*verifiers));

	sim_must(verifiers && plan->duty_count <= VERIFIERS_MAX ? 0 : -ENOMEM, "verifiers");
	verifiers->sim = sim;
	verifiers->process = process;
	verifiers->plan = plan;
	return verifiers;
}

struct sim_verifiers *sim_verifiers_free(struct sim_verifiers *verifiers)
{
	if (verifiers)
		buffer_deinit(&verifiers->seen);
	free(verifiers);
	return NULL;
}

/* ---- orders ---- */

static uint64_t soon(struct sim_verifiers *verifiers, uint64_t now_ns)
{
	return now_ns + random_between(&verifiers->sim->random, 5 * NS_PER_MS, 900 * NS_PER_MS);
}

static void begin(struct sim_verifiers *verifiers, const struct wire_verifier *order, uint64_t now_ns)
{
	struct verifier *verifier = &verifiers->items[order->duty];

	*verifier = (struct verifier){.reader = order->reader,
	                              .begun = order->resumes,
	                              .during = verifiers->plan->duties[order->duty].verify.during,
	                              .next_ns = soon(verifiers, now_ns)};
	for (uint32_t i = 0; order->resumes && i < order->position_count; i++) {
		verifier->known[order->positions[i].partition] = 1;
		verifier->positions[order->positions[i].partition] = order->positions[i].offset;
	}
	sim_trace(verifiers->sim, "agent %u %s %s as reader %llu", verifiers->process,
	          order->resumes ? "goes on with" : "begins", verifiers->plan->duties[order->duty].name,
	          (unsigned long long)order->reader);
}

static const struct wire_verifier *find_order(const struct wire_verifier *orders, uint32_t count, uint32_t duty)
{
	for (uint32_t i = 0; i < count; i++)
		if (orders[i].duty == duty)
			return &orders[i];
	return NULL;
}

void sim_verifiers_set(struct sim_verifiers *verifiers, const struct wire_verifier *orders, uint32_t count,
                       _Bool closing, uint64_t now_ns)
{
	for (uint32_t i = 0; i < verifiers->plan->duty_count; i++) {
		const struct wire_verifier *order = find_order(orders, count, i);
		struct verifier *verifier = &verifiers->items[i];

		if (!order)
			verifier->reader = 0;
		else if (order->reader != verifier->reader)
			begin(verifiers, order, now_ns);
		verifier->closing |= closing;
	}
}

void sim_verifiers_acked(struct sim_verifiers *verifiers, const struct message_seen_ack *ack, uint64_t now_ns)
{
	struct verifier *verifier = &verifiers->items[ack->duty];

	if (verifier->reader != ack->reader || verifier->seq != ack->seq || verifier->next_ns != CLOCK_NEVER) {
		sim_break(verifiers->sim, "agent %u hears an answer to what its verifier hasn't said",
		          verifiers->process);
		return;
	}
	if (!verifier->over)
		verifier->next_ns = soon(verifiers, now_ns);
}

uint64_t sim_verifiers_next_ns(const struct sim_verifiers *verifiers)
{
	uint64_t next_ns = CLOCK_NEVER;

	for (uint32_t i = 0; i < verifiers->plan->duty_count; i++)
		if (verifiers->items[i].reader && verifiers->items[i].next_ns < next_ns)
			next_ns = verifiers->items[i].next_ns;
	return next_ns;
}

/* ---- reading ---- */

/* Where the partitions begin that it doesn't know: at the ends as they are, or at 0 if they have appeared since. */
static void look_for_starts(struct sim_verifiers *verifiers, uint32_t duty, struct message_seen *seen)
{
	struct verifier *verifier = &verifiers->items[duty];
	const struct broker *broker = verifiers->sim->broker;

	for (uint32_t i = 0; i < BROKER_PARTITIONS; i++) {
		if (verifier->known[i] || !broker_has(broker, duty, i))
			continue;
		verifier->known[i] = 1;
		verifier->positions[i] = verifier->begun ? 0 : broker_end(broker, duty, i);
		verifiers->starts[seen->start_count++] = (struct wire_offset){i, verifier->positions[i]};
	}
	seen->starts = verifiers->starts;
	verifier->begun = 1;
}

static void take_ends(struct sim_verifiers *verifiers, uint32_t duty, struct message_seen *seen)
{
	struct verifier *verifier = &verifiers->items[duty];

	verifier->took_ends = 1;
	for (uint32_t i = 0; i < BROKER_PARTITIONS; i++) {
		verifier->ends[i] = broker_end(verifiers->sim->broker, duty, i);
		if (verifier->known[i])
			verifiers->ends[seen->end_count++] = (struct wire_offset){i, verifier->ends[i]};
	}
	seen->ends = verifiers->ends;
}

static void read_partition(struct sim_verifiers *verifiers, uint32_t duty, uint32_t number, struct seen_log *log)
{
	struct verifier *verifier = &verifiers->items[duty];
	struct seen_partition *partition = seen_log_open(log, verifiers->plan->duties[duty].verify.topic, number,
	                                                 verifier->reader, verifier->positions[number]);
	uint64_t end = broker_end(verifiers->sim->broker, duty, number);
	uint64_t until = verifier->positions[number] +
	                 random_below(&verifiers->sim->random, end - verifier->positions[number] + 1);

	sim_must(partition ? 0 : -ENOMEM, "seen");
	if (random_below(&verifiers->sim->random, SKIPS_ONE_IN) == 0 && until > verifier->positions[number] + 1) {
		oracle_verifier_skips(verifiers->sim->oracle, duty);
		seen_log_close(log, partition);
		partition = seen_log_open(log, verifiers->plan->duties[duty].verify.topic, number, verifier->reader,
		                          ++verifier->positions[number]);
	}
	for (; verifier->positions[number] < until; verifier->positions[number]++) {
		const struct broker_record *record =
		        broker_get(verifiers->sim->broker, duty, number, verifier->positions[number]);
		const struct stamp stamp = {.stream = record->stream, .sequence = record->sequence};

		sim_must(seen_log_add(partition, verifier->positions[number], 0, &stamp), "seen");
	}
}

static void read_on(struct sim_verifiers *verifiers, uint32_t duty, struct message_seen *seen)
{
	struct seen_log *log = seen_log_new();

	sim_must(log ? 0 : -ENOMEM, "seen");
	for (uint32_t i = 0; i < BROKER_PARTITIONS; i++)
		if (verifiers->items[duty].known[i])
			read_partition(verifiers, duty, i, log);
	buffer_clear(&verifiers->seen);
	sim_must(seen_log_take(log, &verifiers->seen), "seen");
	seen_log_free(log);
	seen->seen = verifiers->seen.data;
	seen->seen_size = verifiers->seen.size;
}

static _Bool has_read_all(const struct verifier *verifier)
{
	for (uint32_t i = 0; i < BROKER_PARTITIONS; i++)
		if (verifier->known[i] && verifier->positions[i] < verifier->ends[i])
			return 0;
	return verifier->took_ends;
}

/* True if there is something to say. */
static _Bool report(struct sim_verifiers *verifiers, uint32_t duty, struct message_seen *seen)
{
	struct verifier *verifier = &verifiers->items[duty];
	_Bool first = !verifier->begun;

	if (!first && random_below(&verifiers->sim->random, FAILS_ONE_IN) == 0) {
		seen->problem = (char *)"the broker said no";
		return seen->over = 1;
	}
	if (has_read_all(verifier))
		return seen->over = 1;
	look_for_starts(verifiers, duty, seen);
	if (first)
		return 1;
	if (verifier->closing && !verifier->took_ends)
		take_ends(verifiers, duty, seen);
	if (verifier->during || verifier->closing)
		read_on(verifiers, duty, seen);
	return seen->start_count > 0 || seen->end_count > 0 || seen->seen_size > 0;
}

_Bool sim_verifiers_work(struct sim_verifiers *verifiers, uint64_t now_ns, struct message_seen *ret_seen)
{
	for (uint32_t i = 0; i < verifiers->plan->duty_count; i++) {
		struct verifier *verifier = &verifiers->items[i];
		struct message_seen seen = {
		        .duty = i, .reader = verifier->reader, .seq = verifier->seq + 1, .problem = (char *)""};

		if (!verifier->reader || verifier->next_ns > now_ns)
			continue;
		verifier->next_ns = soon(verifiers, now_ns);
		if (!report(verifiers, i, &seen))
			continue;
		verifier->seq++;
		verifier->over = seen.over;
		verifier->next_ns = CLOCK_NEVER;
		*ret_seen = seen;
		return 1;
	}
	return 0;
}
