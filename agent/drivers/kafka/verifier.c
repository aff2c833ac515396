/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what was produced to a topic.
 *
 * It assigns the partitions itself and belongs to no group, so no rebalance can show it a message twice or pass one by.
 * It reads committed messages alone; where partitions begin and end is asked by a second client, which reads all: else
 * the end could lie before messages of a transaction that is not over. Ends of transactions and aborted messages take
 * offsets that hold nothing for a reader: that it is past them it learns from librdkafka's word that a partition's end
 * is reached, which names the next offset. */
#include "agent/drivers/kafka/verifier.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "agent/drivers/kafka/message_stamp.h"
#include "agent/drivers/kafka/verifier_internal.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

#define START_PATIENCE_NS (30 * NS_PER_S) /* for the first look */
/* For the rest; a transaction that a lost agent left open holds readers up for 60 s. */
#define STANDSTILL_PATIENCE_NS (90 * NS_PER_S)
#define LOOK_NS (5 * NS_PER_S) /* for further partitions */
#define REPORT_NS NS_PER_S
#define IDLE_NS (200 * NS_PER_MS) /* librdkafka has something to say now and then */
enum { BATCH = 512, BATCHES = 16, REPORT_BYTES = 1024 * 1024 };

/* ---- reading ---- */

static void begin_reading(struct verifier *verifier)
{
	for (size_t i = 0; i < verifier->partition_count; i++) {
		struct partition *partition = &verifier->partitions[i];

		if (partition->seen && !partition->reading && !verifier_is_read(partition))
			partition->reading =
			        rd_kafka_consume_start_queue(verifier->source, (int32_t)i, (int64_t)partition->position,
			                                     verifier->queue) == 0;
	}
}

static int take_message(struct verifier *verifier, const rd_kafka_message_t *message)
{
	struct partition *partition = &verifier->partitions[message->partition];
	uint64_t offset = (uint64_t)message->offset;
	struct stamp stamp;
	int r;

	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		seen_log_pass(partition->seen, offset);
		verifier_move(verifier, partition, offset);
		return 0;
	}
	if (message->err) {
		client_note(&verifier->reader, message->err);
		return 0;
	}
	r = seen_log_add(partition->seen, offset, message_stamp(message, verifier->tag, &stamp), &stamp);
	if (r == -ERANGE)
		r = seen_log_add(partition->seen, offset, STAMP_DAMAGED, NULL);
	verifier_move(verifier, partition, offset + 1);
	return r < 0 ? r : 0;
}

static int take_batch(struct verifier *verifier, _Bool *ret_more)
{
	rd_kafka_message_t *messages[BATCH];
	ssize_t count = rd_kafka_consume_batch_queue(verifier->queue, 0, messages, BATCH);
	int r = 0;

	for (ssize_t i = 0; i < count; i++) {
		if (r == 0 && messages[i]->partition >= 0 &&
		    verifier_is_known(verifier, (uint32_t)messages[i]->partition))
			r = take_message(verifier, messages[i]);
		rd_kafka_message_destroy(messages[i]);
	}
	*ret_more = count > 0;
	return r;
}

static _Bool is_full(const struct verifier *verifier)
{
	return seen_log_memory(verifier->log) > verifier->log_bytes + REPORT_BYTES;
}

static int read_some(struct verifier *verifier)
{
	int r = 0;

	begin_reading(verifier);
	verifier->more = 1;
	for (int i = 0; r == 0 && verifier->more && i < BATCHES && !is_full(verifier); i++)
		r = take_batch(verifier, &verifier->more);
	return r;
}

/* ---- reporting ---- */

static int report(struct verifier *verifier)
{
	cleanup_buffer struct buffer seen = {0};
	int r = seen_log_take(verifier->log, &seen);

	if (r < 0)
		return r;
	r = verifier->work->report(verifier->work->context,
	                           &(struct verify_report){.starts = verifier->starts.items,
	                                                   .start_count = verifier->starts.count,
	                                                   .ends = verifier->ends.items,
	                                                   .end_count = verifier->ends.count,
	                                                   .seen = seen.data,
	                                                   .seen_size = seen.size});
	verifier->starts.count = verifier->ends.count = 0;
	verifier->log_bytes = seen_log_memory(verifier->log);
	verifier->moved = 0;
	verifier->next_report_ns = clock_now_ns() + REPORT_NS;
	return r;
}

static int report_if_due(struct verifier *verifier, uint64_t now_ns)
{
	_Bool news = verifier->moved || verifier->starts.count > 0 || verifier->ends.count > 0;

	return (news && now_ns >= verifier->next_report_ns) || is_full(verifier) ? report(verifier) : 0;
}

/* ---- the loop ---- */

/* Waits for something to do: 0 or -ECANCELED. */
static int await(struct verifier *verifier)
{
	struct pollfd fds[] = {
	        {.fd = verifier->work->cancel_fd, .events = POLLIN},
	        {.fd = verifier->closing ? -1 : verifier->work->closing_fd, .events = POLLIN},
	        {.fd = verifier->event_fd, .events = POLLIN},
	};
	const struct timespec idle = {.tv_nsec = verifier->more ? 0 : (long)IDLE_NS};
	uint64_t count;

	if (ppoll(fds, 3, &idle, NULL) < 0)
		return 0;
	if (fds[0].revents)
		return -ECANCELED;
	/* First, so that what comes from now on writes again. */
	if (fds[2].revents && read(verifier->event_fd, &count, sizeof(count)) < 0)
		verifier->more = 1;
	if (fds[1].revents) {
		verifier->closing = 1;
		verifier->moved_ns = clock_now_ns();
		verifier->next_look_ns = 0;
	}
	client_poll(&verifier->asker);
	client_poll(&verifier->reader);
	return 0;
}

static const char *trouble(const struct verifier *verifier)
{
	if (verifier->reader.trouble[0])
		return verifier->reader.trouble;
	return verifier->asker.trouble[0] ? verifier->asker.trouble : "no answer";
}

static int start(struct verifier *verifier)
{
	const struct verify_work *work = verifier->work;
	uint64_t deadline_ns = clock_now_ns() + START_PATIENCE_NS;
	int r = 0;

	for (size_t i = 0; r == 0 && work->resumes && i < work->position_count; i++)
		r = verifier_open_partition(verifier, work->positions[i].partition, work->positions[i].offset);
	if (r == -ERANGE) {
		snprintf(verifier->work->problem, sizeof(verifier->work->problem), "it is to go on in no partition");
		return 1;
	}
	verifier->started = work->resumes;
	while (r == 0 && !verifier->started) {
		r = verifier_look_first(verifier);
		if (r == 0)
			return report(verifier);
		if (r > 0 && clock_now_ns() >= deadline_ns) {
			snprintf(verifier->work->problem, sizeof(verifier->work->problem),
			         "it isn't known where %.100s begins: %.120s", verifier->topic, trouble(verifier));
			return 1;
		}
		if (r > 0)
			r = await(verifier);
	}
	return r;
}

static void give_up(struct verifier *verifier)
{
	snprintf(verifier->work->problem, sizeof(verifier->work->problem),
	         "nothing more of %.80s could be read for 90 s, and %zu of %zu partitions are unread: %.100s",
	         verifier->topic, verifier_count_unread(verifier), verifier->partition_count, trouble(verifier));
}

/* 1: all is read, or nothing more will be. */
static int turn(struct verifier *verifier)
{
	_Bool reads = verifier->work->duty->verify.during || verifier->closing;
	uint64_t now_ns = clock_now_ns();
	int r = 0;

	if (reads && now_ns >= verifier->next_look_ns) {
		r = verifier_look(verifier);
		verifier->next_look_ns = clock_now_ns() + (verifier->closing ? NS_PER_S : LOOK_NS);
	}
	if (r == 0 && reads)
		r = read_some(verifier);
	if (verifier->moved) {
		verifier->moved_ns = now_ns;
		verifier->reader.trouble[0] = verifier->asker.trouble[0] = '\0';
	}
	if (r == 0 && verifier->closing && verifier->complete && verifier_count_unread(verifier) == 0)
		return 1;
	if (r == 0 && verifier->closing && now_ns >= verifier->moved_ns + STANDSTILL_PATIENCE_NS) {
		give_up(verifier);
		return 1;
	}
	return r < 0 ? r : report_if_due(verifier, now_ns);
}

static int run(struct verifier *verifier)
{
	int r = start(verifier);

	if (r > 0)
		return 0;
	while (r == 0) {
		r = await(verifier);
		if (r == 0)
			r = turn(verifier);
	}
	return r < 0 ? r : report(verifier);
}

/* ---- opening and closing ---- */

static void close_verifier(struct verifier *verifier)
{
	for (size_t i = 0; i < verifier->partition_count; i++)
		if (verifier->partitions[i].reading)
			rd_kafka_consume_stop(verifier->source, (int32_t)i);
	if (verifier->source)
		rd_kafka_topic_destroy(verifier->source);
	if (verifier->queue) {
		rd_kafka_queue_io_event_enable(verifier->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(verifier->queue);
	}
	client_close(&verifier->reader);
	client_close(&verifier->asker);
	if (verifier->event_fd >= 0)
		close(verifier->event_fd);
	seen_log_free(verifier->log);
	free(verifier->partitions);
	free(verifier->starts.items);
	free(verifier->ends.items);
}

static int open_clients(struct verifier *verifier, struct failure *failure)
{
	static const struct client_property all[] = {{"isolation.level", "read_uncommitted"}, {NULL, NULL}};
	static const struct client_property committed[] = {
	        {"isolation.level", "read_committed"}, {"auto.offset.reset", "earliest"}, /* what was deleted behind its
	                                                                                     back is passed over */
	        {"enable.partition.eof", "true"},      {"queued.max.messages.kbytes", "16384"}, {NULL, NULL},
	};
	int r = client_open(&verifier->asker, verifier->config, all, failure);

	return r < 0 ? r : client_open(&verifier->reader, verifier->config, committed, failure);
}

static int open_verifier(struct verifier *verifier, struct failure *failure)
{
	static const uint64_t one = 1;
	int r = stamp_tag(verifier->config->run_id, verifier->tag);

	if (r < 0)
		return failure_set(failure, r, "the run's id is no UUID");
	r = open_clients(verifier, failure);
	if (r < 0)
		return r;
	verifier->log = seen_log_new();
	verifier->source = rd_kafka_topic_new(verifier->reader.handle, verifier->topic, NULL);
	verifier->queue = rd_kafka_queue_new(verifier->reader.handle);
	if (!verifier->log || !verifier->source || !verifier->queue)
		return failure_set(failure, -ENOMEM, "no memory for %s", verifier->topic);
	rd_kafka_queue_io_event_enable(verifier->queue, verifier->event_fd, &one, sizeof(one));
	return 0;
}

int kafka_verify(const struct driver_config *config, struct verify_work *work)
{
	struct verifier verifier = {
	        .config = config,
	        .work = work,
	        .topic = work->duty->verify.topic,
	        .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	        .moved_ns = clock_now_ns(),
	};
	struct failure failure = {0};
	int r = verifier.event_fd < 0 ? failure_set(&failure, -errno, "no descriptor") : 0;

	if (r == 0)
		r = open_verifier(&verifier, &failure);
	if (r == 0)
		r = run(&verifier);
	else
		snprintf(work->problem, sizeof(work->problem), "%.250s", failure.text);
	close_verifier(&verifier);
	return r == -ENOMEM || r == -ECANCELED ? r : 0;
}
