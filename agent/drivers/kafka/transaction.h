/* SPDX-License-Identifier: Apache-2.0 */
/* The transactions of a producer, one after the other: when each ends, how, and what then became of its messages. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/drivers/kafka/transactor.h"
#include "common/stats/sent_log.h"

/* A message that was acknowledged. */
struct held_message {
	struct sent_stream *stream;
	uint64_t sequence;
	uint32_t partition;
};

/* Embedded in its producer. Zero-initialised: there are none. */
struct transaction {
	const struct driver_config *config;
	const struct transactions *plan; /* NULL: there are none */
	const struct step *step;         /* under which is told what happens: the newest message's */
	/* The client is of no more use: why. */
	void (*lost)(void *context, rd_kafka_resp_err_t error, const char *text);
	void *context;
	struct transactor *transactor;
	enum { TRANSACTION_STARTING, TRANSACTION_OPEN, TRANSACTION_ENDING, TRANSACTION_OVER } state;
	uint64_t messages;           /* in the open one */
	rd_kafka_resp_err_t spoiled; /* what its first failed message failed of */
	uint64_t longest_ns;
	double debt; /* of aborts, to be paid at 1 */
	struct loop_timer timer;
	struct held_message *held; /* those that the ledger wants to hear of */
	size_t held_count;
	size_t held_capacity;
	int error;
};

void transaction_init(struct transaction *transaction, const struct driver_config *config, const struct step *step,
                      void (*lost)(void *context, rd_kafka_resp_err_t error, const char *text), void *context);
void transaction_deinit(struct transaction *transaction);
/* A client that is new: what it sends from now on is in transactions, none of which may be open for longer than
 * `longest_ns`. 0 or a negative errno. */
int transaction_start(struct transaction *transaction, rd_kafka_t *client, uint64_t longest_ns);
static inline _Bool transaction_takes(const struct transaction *transaction)
{
	return !transaction->plan || transaction->state == TRANSACTION_OPEN;
}
/* The client took a message of this step. */
void transaction_sent(struct transaction *transaction, const struct step *step);
/* A message was acknowledged: its stream is told at the transaction's end. 0 or -ENOMEM. */
int transaction_hold(struct transaction *transaction, struct sent_stream *stream, uint32_t partition,
                     uint64_t sequence);
/* A message has failed, and the transaction with it; `error` may be 0, where only that is known. */
void transaction_spoil(struct transaction *transaction, rd_kafka_resp_err_t error);
/* True if it is to be ended, or on its way to it. */
_Bool transaction_pending(const struct transaction *transaction);
/* No more messages will come: the open one is committed. */
void transaction_drain(struct transaction *transaction);
/* The open one is aborted, and nothing may take long any more. */
void transaction_abandon(struct transaction *transaction);
/* The client is given up: what it had acknowledged in the open one may be there or not. */
void transaction_lose(struct transaction *transaction);
