/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is produced, lost, copied, late, aborted or never reported, whoever verifies it and however the reports
 * come: the ledger says what counting in the topics themselves gives. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/stats/ledger.h"
#include "common/stats/seen_log.h"
#include "common/stats/sent_log.h"

enum {
	ROUNDS = 400,
	STEPS_MAX = 1500,
	TOPICS = 2,
	PARTITIONS = 3, /* of each topic */
	AGENTS = 3,
	PRODUCERS = 2, /* streams of an agent: each of them by each topic */
	STREAMS_MAX = 120,
	MESSAGES_MAX = 600, /* of a stream */
	RECORDS_MAX = 4000, /* of a partition */
	LATE_MAX = 40,
	QUEUE_MAX = 2000,
	VERIFIERS_MAX = 200,
	MISSING_MAX = 20000,
};

static const char *const topics[TOPICS] = {"stock-data", "signals"};

/* What is in a partition. */
enum record_kind { MESSAGE, FOREIGN, DAMAGED, HOLE };

struct record {
	enum record_kind kind;
	struct stamp stamp;
	uint32_t stream; /* its place in the world */
};

/* Which reports reached the ledger. */
enum fate { UNTOLD, TOLD_ACKED, TOLD_ABORTED };

struct message {
	uint32_t partition;
	enum fate fate;
	unsigned copies; /* for the count at the end */
};

struct stream {
	uint64_t id, first, count;
	size_t topic;
	struct sent_stream *log;
	struct message messages[MESSAGES_MAX];
};

/* A report on its way, and what it should say. */
struct parcel {
	struct buffer bytes;
	struct sent_said {
		uint32_t stream;
		uint64_t sequence;
		enum sent_kind kind;
	} * said;
	size_t said_count;
};

struct agent {
	struct sent_log *log;
	uint32_t streams[PRODUCERS * TOPICS];
	struct parcel next; /* what is in the log */
	struct parcel queue[QUEUE_MAX];
	size_t queue_from, queue_to;
};

struct verifier {
	size_t partition;
	uint64_t id, at;
	struct seen_log *log;
	struct seen_partition *handle;
	struct buffer queue[QUEUE_MAX];
	size_t queue_from, queue_to;
};

struct partition {
	struct record records[RECORDS_MAX];
	uint64_t count, start, position;
	size_t verifier; /* the one that counts */
	_Bool ended;
};

struct world {
	struct random random;
	struct ledger *ledger;
	struct partition partitions[TOPICS * PARTITIONS];
	struct stream streams[STREAMS_MAX];
	uint32_t stream_count;
	struct agent agents[AGENTS];
	struct verifier *verifiers[VERIFIERS_MAX];
	size_t verifier_count;
	struct {
		size_t partition;
		struct record record;
	} late[LATE_MAX];
	size_t late_count;
	struct buffer told[4 * QUEUE_MAX]; /* all that reached the ledger, for the second pass */
	size_t told_count;
	uint64_t failed[TOPICS];
};

static _Bool chance(struct world *world, uint64_t percent)
{
	return random_below(&world->random, 100) < percent;
}

static void write_record(struct world *world, size_t partition, const struct record *record)
{
	struct partition *to = &world->partitions[partition];

	assert_true(to->count < RECORDS_MAX);
	to->records[to->count++] = *record;
}

/* Producing. */

static void begin_agent(struct world *world, size_t place)
{
	struct agent *agent = &world->agents[place];

	agent->log = sent_log_new();
	for (size_t i = 0; i < PRODUCERS * TOPICS; i++) {
		struct stream *stream = &world->streams[world->stream_count];

		*stream =
		        (struct stream){.id = stamp_stream(world->stream_count / 4, (uint32_t)i), .topic = i % TOPICS};
		/* Some cross from one chunk to the next. */
		stream->first = chance(world, 50) ? 0 : 65536 * random_below(&world->random, 5) + 65400;
		stream->log = sent_log_open(agent->log, stream->id, topics[stream->topic]);
		agent->streams[i] = world->stream_count++;
	}
}

static void clear_parcel(struct parcel *parcel)
{
	buffer_deinit(&parcel->bytes);
	free(parcel->said);
	*parcel = (struct parcel){0};
}

static void end_agent(struct world *world, size_t place)
{
	struct agent *agent = &world->agents[place];

	for (; agent->queue_from < agent->queue_to; agent->queue_from++)
		clear_parcel(&agent->queue[agent->queue_from]);
	clear_parcel(&agent->next);
	sent_log_free(agent->log);
}

static void report(struct agent *agent, struct stream *stream, uint32_t place, uint64_t number, enum sent_kind kind)
{
	struct parcel *next = &agent->next;
	uint64_t sequence = stream->first + number;

	assert_int_equal(sent_log_add(stream->log, stream->messages[number].partition, kind, sequence), 0);
	next->said = realloc(next->said, (next->said_count + 1) * sizeof(*next->said));
	next->said[next->said_count++] = (struct sent_said){.stream = place, .sequence = number, .kind = kind};
}

/* Into the topic now or later, where it then is late. */
static void append(struct world *world, size_t partition, const struct record *record)
{
	if (world->late_count < LATE_MAX && chance(world, 10)) {
		world->late[world->late_count].partition = partition;
		world->late[world->late_count++].record = *record;
	} else {
		write_record(world, partition, record);
	}
}

static void produce(struct world *world)
{
	struct agent *agent = &world->agents[random_below(&world->random, AGENTS)];
	uint32_t place = agent->streams[random_below(&world->random, PRODUCERS * TOPICS)];
	struct stream *stream = &world->streams[place];
	uint64_t number = stream->count, draw = random_below(&world->random, 100);
	uint32_t partition =
	        (uint32_t)(chance(world, 70) ? place % PARTITIONS : random_below(&world->random, PARTITIONS));
	struct record record = {.kind = MESSAGE, .stream = place};

	if (number == MESSAGES_MAX)
		return;
	record.stamp = (struct stamp){.stream = stream->id, .sequence = stream->first + number};
	stream->messages[stream->count++] = (struct message){.partition = partition};
	if (!chance(world, 4))
		append(world, stream->topic * PARTITIONS + partition, &record);
	while (chance(world, 5))
		append(world, stream->topic * PARTITIONS + partition, &record);
	/* A few are never reported. */
	if (draw < 96)
		report(agent, stream, place, number, draw < 86 ? SENT_ACKED : draw < 91 ? SENT_ABORTED : SENT_FAILED);
}

static void write_late(struct world *world)
{
	size_t place;

	if (world->late_count == 0)
		return;
	place = random_below(&world->random, world->late_count);
	write_record(world, world->late[place].partition, &world->late[place].record);
	world->late[place] = world->late[--world->late_count];
}

static void write_stranger(struct world *world)
{
	struct record record = {.kind = (enum record_kind)random_between(&world->random, FOREIGN, HOLE)};

	write_record(world, random_below(&world->random, (uint64_t)TOPICS * PARTITIONS), &record);
}

static void take_sent(struct world *world, size_t place)
{
	struct agent *agent = &world->agents[place];
	int taken = sent_log_take(agent->log, &agent->next.bytes);

	assert_true(taken >= 0);
	assert_int_equal(taken > 0, agent->next.said_count > 0);
	if (taken == 0 || agent->queue_to == QUEUE_MAX)
		return;
	agent->queue[agent->queue_to++] = agent->next;
	agent->next = (struct parcel){0};
}

static void tell_model(struct world *world, const struct parcel *parcel)
{
	for (size_t i = 0; i < parcel->said_count; i++) {
		struct stream *stream = &world->streams[parcel->said[i].stream];
		struct message *message = &stream->messages[parcel->said[i].sequence];

		if (parcel->said[i].kind == SENT_FAILED)
			world->failed[stream->topic]++;
		else
			message->fate = parcel->said[i].kind == SENT_ACKED ? TOLD_ACKED : TOLD_ABORTED;
	}
}

static void tell_ledger(struct world *world, const struct buffer *bytes)
{
	struct reader reader = {.data = bytes->data, .size = bytes->size};

	while (reader.at < reader.size) {
		struct sent_delta delta;

		assert_int_equal(sent_delta_decode(&reader, &delta), 0);
		assert_int_equal(ledger_add_sent(world->ledger, &delta), 0);
		sent_delta_deinit(&delta);
	}
}

static void deliver_sent(struct world *world, size_t place)
{
	struct agent *agent = &world->agents[place];
	struct parcel *parcel = &agent->queue[agent->queue_from];

	if (agent->queue_from == agent->queue_to)
		return;
	agent->queue_from++;
	for (int times = chance(world, 10) ? 2 : 1; times > 0; times--) {
		tell_ledger(world, &parcel->bytes);
		tell_model(world, parcel);
	}
	world->told[world->told_count++] = parcel->bytes;
	parcel->bytes = (struct buffer){0};
	clear_parcel(parcel);
}

/* Its reports that are on their way, and what it holds, are gone. */
static void kill_agent(struct world *world)
{
	size_t place = random_below(&world->random, AGENTS);

	if (world->stream_count + PRODUCERS * TOPICS > STREAMS_MAX)
		return;
	end_agent(world, place);
	world->agents[place].queue_from = world->agents[place].queue_to = 0;
	begin_agent(world, place);
}

/* Verifying. */

static void begin_verifier(struct world *world, size_t place, uint64_t id, uint64_t offset)
{
	struct verifier *verifier = calloc(1, sizeof(*verifier));

	assert_true(world->verifier_count < VERIFIERS_MAX);
	*verifier = (struct verifier){.partition = place, .id = id, .at = offset, .log = seen_log_new()};
	verifier->handle =
	        seen_log_open(verifier->log, topics[place / PARTITIONS], (uint32_t)(place % PARTITIONS), id, offset);
	world->partitions[place].verifier = world->verifier_count;
	world->verifiers[world->verifier_count++] = verifier;
}

/* The one before may go on for a while. */
static void take_over(struct world *world, size_t place)
{
	uint64_t offset = 99;

	if (world->verifier_count == VERIFIERS_MAX)
		return;
	assert_int_equal(ledger_take_over(world->ledger, topics[place / PARTITIONS], (uint32_t)(place % PARTITIONS),
	                                  world->verifier_count, &offset),
	                 0);
	assert_int_equal(offset, world->partitions[place].position);
	begin_verifier(world, place, world->verifier_count, offset);
}

static void read_on(struct world *world, struct verifier *verifier, uint64_t most)
{
	const struct partition *partition = &world->partitions[verifier->partition];

	for (; most > 0 && verifier->at < partition->count; most--, verifier->at++) {
		static const int outcomes[] = {[MESSAGE] = 0, [FOREIGN] = STAMP_OTHER_RUN, [DAMAGED] = STAMP_DAMAGED};
		const struct record *record = &partition->records[verifier->at];

		if (record->kind == HOLE)
			continue;
		assert_int_equal(seen_log_add(verifier->handle, verifier->at, outcomes[record->kind], &record->stamp),
		                 0);
		if (chance(world, 2))
			assert_int_equal(seen_log_add(verifier->handle, verifier->at, 0, &record->stamp), 1);
	}
	if (chance(world, 20) || most > 0)
		seen_log_pass(verifier->handle, verifier->at);
}

static void take_seen(struct verifier *verifier)
{
	if (verifier->queue_to < QUEUE_MAX && seen_log_take(verifier->log, &verifier->queue[verifier->queue_to]) > 0)
		verifier->queue_to++;
}

static int expect(const struct world *world, const struct verifier *verifier, const struct seen_delta *delta)
{
	const struct partition *partition = &world->partitions[verifier->partition];

	if (world->verifiers[partition->verifier] != verifier)
		return LEDGER_OTHERS;
	if (delta->offset_from == partition->position)
		return 0;
	return delta->offset_from < partition->position ? LEDGER_REPEATED : LEDGER_GAP;
}

static void deliver_seen(struct world *world, struct verifier *verifier)
{
	struct buffer *bytes = &verifier->queue[verifier->queue_from];

	if (verifier->queue_from == verifier->queue_to)
		return;
	verifier->queue_from++;
	/* Some get lost; those after are then refused, until another verifier is told to take over. */
	for (int times = chance(world, 3) ? 0 : chance(world, 10) ? 2 : 1; times > 0; times--) {
		struct reader reader = {.data = bytes->data, .size = bytes->size};
		struct seen_delta delta;
		int expected;

		assert_int_equal(seen_delta_decode(&reader, &delta), 0);
		assert_int_equal(reader.at, reader.size);
		expected = expect(world, verifier, &delta);
		assert_int_equal(ledger_add_seen(world->ledger, &delta), expected);
		if (expected == 0)
			world->partitions[verifier->partition].position = delta.offset_to;
		seen_delta_deinit(&delta);
		if (expected == LEDGER_GAP)
			take_over(world, verifier->partition);
	}
	buffer_deinit(bytes);
}

static void step(struct world *world)
{
	struct verifier *verifier = world->verifiers[random_below(&world->random, world->verifier_count)];
	uint64_t draw = random_below(&world->random, 1000);

	if (draw < 600)
		produce(world);
	else if (draw < 660)
		write_late(world);
	else if (draw < 680)
		write_stranger(world);
	else if (draw < 730)
		take_sent(world, random_below(&world->random, AGENTS));
	else if (draw < 780)
		deliver_sent(world, random_below(&world->random, AGENTS));
	else if (draw < 782)
		kill_agent(world);
	else if (draw < 880)
		read_on(world, verifier, random_below(&world->random, 60));
	else if (draw < 930)
		take_seen(verifier);
	else if (draw < 990)
		deliver_seen(world, verifier);
	else if (draw < 993)
		take_over(world, random_below(&world->random, (uint64_t)TOPICS * PARTITIONS));
}

/* The end: most partitions are read through, some not or not told their ends. */

static void read_through(struct world *world, size_t place)
{
	struct partition *partition = &world->partitions[place];

	while (partition->position < partition->count) {
		struct verifier *verifier;

		take_over(world, place);
		if (world->verifier_count == VERIFIERS_MAX)
			return;
		verifier = world->verifiers[partition->verifier];
		read_on(world, verifier, UINT64_MAX);
		take_seen(verifier);
		deliver_seen(world, verifier);
	}
}

static void finish(struct world *world)
{
	while (world->late_count > 0)
		write_late(world);
	for (size_t i = 0; i < AGENTS; i++) {
		take_sent(world, i);
		while (world->agents[i].queue_from < world->agents[i].queue_to && !chance(world, 1))
			deliver_sent(world, i);
	}
	for (size_t i = 0; i < (size_t)TOPICS * PARTITIONS; i++) {
		struct partition *partition = &world->partitions[i];

		if (chance(world, 85))
			read_through(world, i);
		partition->ended = chance(world, 90);
		if (partition->ended)
			assert_int_equal(ledger_end(world->ledger, topics[i / PARTITIONS], (uint32_t)(i % PARTITIONS),
			                            partition->count),
			                 0);
	}
}

/* Counting in the topics. */

static void count_seen(struct world *world, size_t place, struct ledger_counts *counts)
{
	const struct partition *partition = &world->partitions[place];
	int64_t highest[STREAMS_MAX];

	for (size_t i = 0; i < STREAMS_MAX; i++)
		highest[i] = -1;
	for (uint64_t i = partition->start; i < partition->position; i++) {
		const struct record *record = &partition->records[i];
		struct stream *stream = &world->streams[record->stream];
		int64_t sequence = (int64_t)record->stamp.sequence;
		struct message *message;

		counts->foreign += record->kind == FOREIGN;
		counts->damaged += record->kind == DAMAGED;
		if (record->kind != MESSAGE)
			continue;
		message = &stream->messages[record->stamp.sequence - stream->first];
		if (message->copies++ > 0) {
			counts->duplicated++;
		} else {
			counts->seen++;
			counts->reordered += sequence < highest[record->stream];
			counts->aborted_visible += message->fate == TOLD_ABORTED;
			counts->unacked_visible += message->fate == UNTOLD;
		}
		if (sequence > highest[record->stream])
			highest[record->stream] = sequence;
	}
}

static _Bool is_read(const struct partition *partition)
{
	return partition->ended && partition->position == partition->count;
}

static void count_topic(struct world *world, size_t topic, struct ledger_counts *counts)
{
	*counts = (struct ledger_counts){.failed = world->failed[topic], .partitions = PARTITIONS};
	for (size_t i = 0; i < PARTITIONS; i++) {
		count_seen(world, topic * PARTITIONS + i, counts);
		counts->partitions_unread += !is_read(&world->partitions[topic * PARTITIONS + i]);
	}
	for (uint32_t i = 0; i < world->stream_count; i++) {
		const struct stream *stream = &world->streams[i];

		for (uint64_t j = 0; stream->topic == topic && j < stream->count; j++) {
			const struct message *message = &stream->messages[j];
			_Bool read = is_read(&world->partitions[topic * PARTITIONS + message->partition]);

			counts->aborted += message->fate == TOLD_ABORTED;
			if (message->fate != TOLD_ACKED)
				continue;
			counts->acked++;
			counts->lost += !message->copies && read;
			counts->unread += !message->copies && !read;
		}
	}
}

static void assert_counts(struct world *world, struct ledger_counts *all)
{
	const uint64_t *from;
	uint64_t *to = (uint64_t *)all;

	*all = (struct ledger_counts){0};
	for (size_t i = 0; i < TOPICS; i++) {
		struct ledger_counts expected, got;

		count_topic(world, i, &expected);
		ledger_count(world->ledger, topics[i], &got);
		assert_memory_equal(&got, &expected, sizeof(got));
		from = (const uint64_t *)&expected;
		for (size_t j = 0; j < sizeof(*all) / sizeof(*to); j++)
			to[j] += from[j];
	}
}

static _Bool is_stream(void *context, uint64_t stream, const char *topic)
{
	(void)topic;
	return *(const uint64_t *)context == stream;
}

/* What is of streams is the sum over them, and each has its own. */
static void assert_streams(struct world *world, const struct ledger_counts *all)
{
	struct ledger_counts expected = *all, sum = {0};
	uint64_t *to = (uint64_t *)&sum;

	for (uint32_t i = 0; i < world->stream_count; i++) {
		const struct stream *stream = &world->streams[i];
		uint64_t acked = 0, seen = 0;
		struct ledger_counts got;

		ledger_count_streams(world->ledger, is_stream, &world->streams[i].id, &got);
		for (uint64_t j = 0; j < stream->count; j++) {
			acked += stream->messages[j].fate == TOLD_ACKED;
			seen += stream->messages[j].copies > 0;
		}
		assert_int_equal(got.acked, acked);
		assert_int_equal(got.seen, seen);
		for (size_t j = 0; j < sizeof(sum) / sizeof(*to); j++)
			to[j] += ((const uint64_t *)&got)[j];
	}
	expected.foreign = expected.damaged = expected.partitions = expected.partitions_unread = 0;
	assert_memory_equal(&sum, &expected, sizeof(sum));
}

/* The second pass names each lost one once, with its partition and the report that acknowledged it. */
static void assert_found(struct world *world, uint64_t lost, size_t max)
{
	static struct ledger_missing missing[MISSING_MAX];
	size_t count = 0, found = 0;

	for (size_t i = 0; i < world->told_count; i++) {
		struct reader reader = {.data = world->told[i].data, .size = world->told[i].size};

		while (reader.at < reader.size) {
			struct sent_delta delta;

			assert_int_equal(sent_delta_decode(&reader, &delta), 0);
			found += ledger_find(world->ledger, &delta, i, missing, max, &count);
			sent_delta_deinit(&delta);
		}
	}
	assert_int_equal(found, count);
	assert_int_equal(count, lost < max ? lost : max);
	for (size_t i = 0; i < count; i++) {
		const struct stream *stream = world->streams;
		const struct message *message;

		assert_true(i == 0 || missing[i].when >= missing[i - 1].when);
		while (stream->id != missing[i].stream)
			stream++;
		assert_string_equal(missing[i].topic, topics[stream->topic]);
		message = &stream->messages[missing[i].sequence - stream->first];
		assert_int_equal(missing[i].partition, message->partition);
		assert_true(message->fate == TOLD_ACKED && !message->copies);
		for (size_t j = 0; j < i; j++)
			assert_false(missing[j].stream == missing[i].stream &&
			             missing[j].sequence == missing[i].sequence);
	}
}

static void begin_world(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	random_seed(&world->random, seed);
	world->ledger = ledger_new();
	for (size_t i = 0; i < AGENTS; i++)
		begin_agent(world, i);
	for (size_t i = 0; i < (size_t)TOPICS * PARTITIONS; i++) {
		struct partition *partition = &world->partitions[i];

		/* What a run before left there. */
		for (uint64_t before = random_below(&world->random, 4); before > 0; before--)
			write_record(world, i, &(struct record){.kind = FOREIGN});
		partition->start = partition->position = partition->count;
		assert_int_equal(ledger_start(world->ledger, topics[i / PARTITIONS], (uint32_t)(i % PARTITIONS),
		                              partition->start),
		                 0);
		begin_verifier(world, i, 0, partition->start);
	}
}

static void end_world(struct world *world)
{
	for (size_t i = 0; i < AGENTS; i++)
		end_agent(world, i);
	for (size_t i = 0; i < world->verifier_count; i++) {
		struct verifier *verifier = world->verifiers[i];

		for (; verifier->queue_from < verifier->queue_to; verifier->queue_from++)
			buffer_deinit(&verifier->queue[verifier->queue_from]);
		if (i % 2)
			seen_log_close(verifier->log, verifier->handle);
		seen_log_free(verifier->log);
		free(verifier);
	}
	for (size_t i = 0; i < world->told_count; i++)
		buffer_deinit(&world->told[i]);
	ledger_free(world->ledger);
}

static void test_ledger_says_what_is_in_the_topics(void **state)
{
	static struct world world;
	struct ledger_counts sum = {0};
	const uint64_t *from;
	uint64_t *to = (uint64_t *)&sum;

	(void)state;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct ledger_counts all, got;

		begin_world(&world, round);
		for (uint64_t steps = random_below(&world.random, STEPS_MAX); steps > 0; steps--)
			step(&world);
		finish(&world);
		assert_counts(&world, &all);
		ledger_count(world.ledger, NULL, &got);
		assert_memory_equal(&got, &all, sizeof(got));
		assert_streams(&world, &all);
		assert_found(&world, all.lost, MISSING_MAX);
		assert_found(&world, all.lost, 3);
		from = (const uint64_t *)&all;
		for (size_t i = 0; i < sizeof(sum) / sizeof(*to); i++)
			to[i] += from[i];
		end_world(&world);
	}
	/* The worlds had some of everything. */
	for (size_t i = 0; i < sizeof(sum) / sizeof(*to); i++)
		assert_true(to[i] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ledger_says_what_is_in_the_topics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
