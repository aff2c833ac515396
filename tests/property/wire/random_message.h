/* SPDX-License-Identifier: Apache-2.0 */
/* Random messages of every type, made and compared by the codec's own tables of fields. */
#pragma once

#include "common/base/random.h"
#include "common/wire/fields.h"
#include "common/wire/message.h"

/* What a random message borrows from. Zero is empty. */
struct pool {
	void **items;
	size_t count, capacity;
};
void pool_deinit(struct pool *pool);

/* A valid message: every field within its bounds, at their edges more often than not. */
void random_message(struct random *random, enum message_type type, struct pool *pool, struct message *ret_message);
/* True if every field of the two is the same. */
_Bool message_equal(const struct message *a, const struct message *b);
