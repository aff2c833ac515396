/* SPDX-License-Identifier: Apache-2.0 */
/* Begins and ends a client's transactions, on a thread of its own: librdkafka's calls for that block. All functions are
 * for the loop's thread, and none of them blocks but transactor_wait() and transactor_free(). */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/base/loop.h"

struct transactor;

/* What became of a transaction. */
enum transaction_end {
	TRANSACTION_NONE, /* there was none to end */
	TRANSACTION_COMMITTED,
	TRANSACTION_ABORTED,
	TRANSACTION_UNKNOWN,
};

struct transactor_news {
	enum transaction_end end;
	uint64_t duration_ns;      /* from the order on */
	_Bool open;                /* the next transaction has begun; else there is trouble, and it is tried again */
	_Bool fatal;               /* the client is of no more use */
	rd_kafka_resp_err_t error; /* why it did not go as ordered, or doesn't go on; 0: nothing is wrong */
	char text[256];
};

/* Starts the thread, which begins the client's first transaction. `hear` is called on the loop's thread with what
 * happened: once for each order, and for the beginning, and where that takes long now and then meanwhile. 0 or a
 * negative errno. */
int transactor_new(rd_kafka_t *client, struct loop *loop,
                   void (*hear)(void *context, const struct transactor_news *news), void *context,
                   struct transactor **ret_transactor);
/* Orders the end of the open transaction. While it ends, the client's events must be served. */
void transactor_end(struct transactor *transactor, _Bool commit);
/* What takes long is to be given up. */
void transactor_hurry(struct transactor *transactor);
/* Calls `hear` if there is news, where the loop isn't turned. */
void transactor_poll(struct transactor *transactor);
/* Blocks until there is news, or until_ns on the clock, and calls `hear` with it. */
void transactor_wait(struct transactor *transactor, uint64_t until_ns);
/* Nothing is heard of it any more. The thread ends soon. */
void transactor_dismiss(struct transactor *transactor);
/* Waits until the thread has ended: some seconds where brokers don't answer. Of a dismissed one any thread may call it.
 * Accepts NULL. */
struct transactor *transactor_free(struct transactor *transactor);
