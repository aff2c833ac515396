/* SPDX-License-Identifier: Apache-2.0 */
/* The transactions of a producer. */
#include "agent/drivers/kafka/transaction.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/drivers/kafka/kafka_error.h"
#include "common/base/array.h"
#include "common/base/clock.h"

/* So that the first abort is due in the middle of as many transactions as one comes of. */
#define DEBT_AT_FIRST 0.5

static void time_is_up(struct loop_timer *timer, uint64_t now_ns);

void transaction_init(struct transaction *transaction, const struct driver_config *config, const struct step *step,
                      void (*lost)(void *context, rd_kafka_resp_err_t error, const char *text), void *context)
{
	*transaction = (struct transaction){.config = config,
	                                    .plan = &step->produce.transactions,
	                                    .step = step,
	                                    .lost = lost,
	                                    .context = context,
	                                    .debt = DEBT_AT_FIRST,
	                                    .state = TRANSACTION_OVER,
	                                    .timer = {.fire = time_is_up, .context = transaction}};
}

void transaction_deinit(struct transaction *transaction)
{
	if (!transaction->plan)
		return;
	loop_timer_stop(transaction->config->loop, &transaction->timer);
	free(transaction->held);
}

/* Telling. */

static void count(const struct transaction *transaction, enum metric_id metric, uint64_t value)
{
	const struct operation_sample sample = {.metric = metric, .value = value};

	if (transaction->config->record)
		transaction->config->record(transaction->config->context, transaction->step, &sample);
}

static void count_end(const struct transaction *transaction, const struct transactor_news *news)
{
	if (news->end == TRANSACTION_ABORTED)
		count(transaction, METRIC_KAFKA_TRANSACTIONS_ABORTED, 1);
	if (news->end != TRANSACTION_COMMITTED)
		return;
	count(transaction, METRIC_KAFKA_TRANSACTIONS_COMMITTED, 1);
	count(transaction, METRIC_KAFKA_TRANSACTION_DURATION, news->duration_ns);
}

static void tell_trouble(const struct transaction *transaction, const struct transactor_news *news)
{
	log_write(transaction->config->log, LOG_WARNING, "target %s: transaction: %s: %s",
	          transaction->config->target->name, rd_kafka_err2name(news->error), news->text);
	if (transaction->config->tell)
		transaction->config->tell(transaction->config->context, transaction->step,
		                          kafka_error_class(news->error), rd_kafka_err2name(news->error),
		                          rd_kafka_err2str(news->error));
}

/* Ends. */

static void settle(struct transaction *transaction, enum sent_kind kind)
{
	for (size_t i = 0; i < transaction->held_count; i++) {
		const struct held_message *held = &transaction->held[i];
		int r = sent_log_add(held->stream, held->partition, kind, held->sequence);

		if (r < 0)
			transaction->error = r;
	}
	transaction->held_count = 0;
	transaction->messages = 0;
	transaction->spoiled = RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void take_end(struct transaction *transaction, const struct transactor_news *news)
{
	static const enum sent_kind kinds[] = {[TRANSACTION_COMMITTED] = SENT_ACKED,
	                                       [TRANSACTION_ABORTED] = SENT_ABORTED,
	                                       [TRANSACTION_UNKNOWN] = SENT_FAILED};

	settle(transaction, kinds[news->end]);
	count_end(transaction, news);
}

static void hear(void *context, const struct transactor_news *news)
{
	struct transaction *transaction = context;

	if (transaction->state == TRANSACTION_OVER)
		return;
	if (news->end != TRANSACTION_NONE)
		take_end(transaction, news);
	if (news->open)
		transaction->state = TRANSACTION_OPEN;
	if (news->fatal)
		transaction->lost(transaction->context, news->error, news->text);
	else if (news->error)
		tell_trouble(transaction, news);
}

int transaction_start(struct transaction *transaction, rd_kafka_t *client, uint64_t longest_ns)
{
	int r = transactor_new(client, transaction->config->loop, hear, transaction, &transaction->transactor);

	if (r < 0)
		return r;
	transaction->state = TRANSACTION_STARTING;
	transaction->longest_ns = longest_ns;
	transaction->messages = 0;
	return 0;
}

static void end(struct transaction *transaction, _Bool commit)
{
	transaction->state = TRANSACTION_ENDING;
	loop_timer_stop(transaction->config->loop, &transaction->timer);
	transactor_end(transaction->transactor, commit);
}

/* As the plan wants it: of all transactions the share that it says is aborted, evenly. */
static void end_by_plan(struct transaction *transaction)
{
	transaction->debt += transaction->plan->abort;
	if (transaction->debt >= 1) {
		transaction->debt -= 1;
		end(transaction, 0);
	} else {
		end(transaction, 1);
	}
}

static void time_is_up(struct loop_timer *timer, uint64_t now_ns)
{
	struct transaction *transaction = timer->context;

	(void)now_ns;
	if (transaction->state == TRANSACTION_OPEN && transaction->messages > 0)
		end_by_plan(transaction);
}

/* From its first message on: before that the brokers know of none. */
static void start_timer(struct transaction *transaction)
{
	uint64_t ns = transaction->longest_ns;

	if (transaction->plan->every_ns > 0 && transaction->plan->every_ns < ns)
		ns = transaction->plan->every_ns;
	if (loop_timer_start(transaction->config->loop, &transaction->timer, clock_now_ns() + ns) < 0)
		transaction->error = -ENOMEM;
}

void transaction_sent(struct transaction *transaction, const struct step *step)
{
	transaction->step = step;
	if (transaction->messages++ == 0)
		start_timer(transaction);
	if (transaction->messages == transaction->plan->every_messages)
		end_by_plan(transaction);
}

int transaction_hold(struct transaction *transaction, struct sent_stream *stream, uint32_t partition, uint64_t sequence)
{
	if (transaction->state == TRANSACTION_OVER)
		return sent_log_add(stream, partition, SENT_FAILED, sequence);
	if (array_reserve(&transaction->held, &transaction->held_capacity, transaction->held_count,
	                  sizeof(*transaction->held)) < 0)
		return -ENOMEM;
	transaction->held[transaction->held_count++] =
	        (struct held_message){.stream = stream, .sequence = sequence, .partition = partition};
	return 0;
}

void transaction_spoil(struct transaction *transaction, rd_kafka_resp_err_t error)
{
	if (!transaction->spoiled)
		transaction->spoiled = error;
	/* librdkafka refuses the commit, and says why. */
	if (transaction->state == TRANSACTION_OPEN)
		end(transaction, 1);
}

_Bool transaction_pending(const struct transaction *transaction)
{
	return transaction->plan && (transaction->state == TRANSACTION_ENDING ||
	                             (transaction->state == TRANSACTION_OPEN && transaction->messages > 0));
}

void transaction_drain(struct transaction *transaction)
{
	if (transaction->plan && transaction->state == TRANSACTION_OPEN && transaction->messages > 0)
		end(transaction, 1);
}

void transaction_abandon(struct transaction *transaction)
{
	if (!transaction->plan || transaction->state == TRANSACTION_OVER)
		return;
	if (transaction->state == TRANSACTION_OPEN && transaction->messages > 0)
		end(transaction, 0);
	transactor_hurry(transaction->transactor);
}

void transaction_lose(struct transaction *transaction)
{
	if (!transaction->plan)
		return;
	loop_timer_stop(transaction->config->loop, &transaction->timer);
	transaction->state = TRANSACTION_OVER;
	settle(transaction, SENT_FAILED);
}
