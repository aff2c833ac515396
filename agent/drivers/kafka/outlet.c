/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that wait for the end of the loop's turn. What librdkafka refuses while one is added is told at the next
 * flush, as no operation may complete within its own submit. */
#include "agent/drivers/kafka/outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OUTLET_MESSAGES = 64 };

struct outlet {
	rd_kafka_topic_t *topic;
	_Bool owned;
	uint32_t count;
	uint32_t refused; /* the first so many of the messages will never be taken: their `err` says why */
	uint32_t key_bytes;
	rd_kafka_message_t messages[OUTLET_MESSAGES];
	char keys[OUTLET_KEY_MAX];
};

struct outlet *outlet_new(rd_kafka_topic_t *topic, _Bool owned)
{
	struct outlet *outlet = calloc(1, sizeof(*outlet));

	if (!outlet)
		return NULL;
	outlet->topic = topic;
	outlet->owned = owned;
	return outlet;
}

struct outlet *outlet_free(struct outlet *outlet)
{
	if (outlet && outlet->owned)
		rd_kafka_topic_destroy(outlet->topic);
	free(outlet);
	return NULL;
}

rd_kafka_topic_t *outlet_topic(const struct outlet *outlet)
{
	return outlet->topic;
}

_Bool outlet_holds(const struct outlet *outlet)
{
	return outlet->count > 0;
}

/* What the call has left: those refused for good, then those that there was no room for, as room is never found again
 * within a call. */
static __attribute__((noinline)) void keep_rest(struct outlet *outlet)
{
	uint32_t kept = outlet->refused;

	for (uint32_t i = outlet->refused; i < outlet->count; i++) {
		rd_kafka_message_t *message = &outlet->messages[i];

		if (!message->err)
			continue;
		outlet->refused += message->err != RD_KAFKA_RESP_ERR__QUEUE_FULL;
		outlet->messages[kept++] = *message;
	}
	outlet->count = kept;
}

static void hand_over(struct outlet *outlet)
{
	uint32_t count = outlet->count - outlet->refused;

	if (count == 0)
		return;
	if ((uint32_t)rd_kafka_produce_batch(outlet->topic, RD_KAFKA_PARTITION_UA, 0,
	                                     outlet->messages + outlet->refused, (int)count) == count)
		outlet->count = outlet->refused;
	else
		keep_rest(outlet);
	if (outlet->count == 0)
		outlet->key_bytes = 0;
}

static inline _Bool has_room(const struct outlet *outlet, size_t key_size)
{
	return outlet->count < OUTLET_MESSAGES && key_size <= OUTLET_KEY_MAX - outlet->key_bytes;
}

_Bool outlet_add(struct outlet *outlet, const struct message *message, struct operation *operation)
{
	rd_kafka_message_t *added;

	if (!has_room(outlet, message->key_size)) {
		hand_over(outlet);
		if (!has_room(outlet, message->key_size))
			return 0;
	}
	added = &outlet->messages[outlet->count++];
	added->partition = RD_KAFKA_PARTITION_UA;
	added->payload = (void *)message->payload;
	added->len = message->payload_size;
	added->key = NULL;
	added->key_len = message->key_size;
	added->_private = operation;
	if (message->key) {
		added->key = memcpy(outlet->keys + outlet->key_bytes, message->key, message->key_size);
		outlet->key_bytes += (uint32_t)message->key_size;
	}
	return 1;
}

void outlet_drop(struct outlet *outlet, rd_kafka_resp_err_t error, outlet_refused_fn refused, void *context)
{
	for (uint32_t i = 0; i < outlet->count; i++) {
		if (i >= outlet->refused)
			outlet->messages[i].err = error;
		refused(context, &outlet->messages[i]);
	}
	outlet->count = outlet->refused = outlet->key_bytes = 0;
}

static __attribute__((noinline)) void tell_refused(struct outlet *outlet, outlet_refused_fn refused, void *context)
{
	for (uint32_t i = 0; i < outlet->refused; i++)
		refused(context, &outlet->messages[i]);
	outlet->count -= outlet->refused;
	memmove(outlet->messages, outlet->messages + outlet->refused, outlet->count * sizeof(*outlet->messages));
	outlet->refused = 0;
	if (outlet->count == 0)
		outlet->key_bytes = 0;
}

void outlet_flush(struct outlet *outlet, outlet_refused_fn refused, void *context)
{
	hand_over(outlet);
	if (outlet->refused > 0)
		tell_refused(outlet, refused, context);
}

/* Of a client. */

void outlets_deinit(struct outlets *outlets)
{
	for (uint32_t i = 0; i < outlets->end; i++) {
		struct outlet *outlet = outlets->items[i];

		for (uint32_t j = i; j < outlets->end; j++) {
			if (outlets->items[j] == outlet)
				outlets->items[j] = NULL;
		}
		outlet_free(outlet);
	}
	free(outlets->items);
	*outlets = (struct outlets){0};
}

/* The one of another step with the same topic, or a new one. */
static struct outlet *find(const struct outlets *outlets, rd_kafka_topic_t *topic, _Bool owned)
{
	for (uint32_t i = 0; i < outlets->end; i++) {
		if (outlets->items[i] && outlets->items[i]->topic == topic)
			return outlets->items[i];
	}
	return outlet_new(topic, owned);
}

static int reserve(struct outlets *outlets, uint32_t end)
{
	struct outlet **items;

	if (end <= outlets->end)
		return 0;
	items = reallocarray(outlets->items, end, sizeof(*items));
	if (!items)
		return -ENOMEM;
	memset(items + outlets->end, 0, (end - outlets->end) * sizeof(struct outlet *));
	outlets->items = items;
	outlets->end = end;
	return 0;
}

int outlets_add(struct outlets *outlets, uint32_t step, rd_kafka_topic_t *topic, _Bool owned)
{
	struct outlet *outlet = reserve(outlets, step + 1) == 0 ? find(outlets, topic, owned) : NULL;

	if (!outlet && owned)
		rd_kafka_topic_destroy(topic);
	if (!outlet)
		return -ENOMEM;
	outlets->items[step] = outlet;
	return 0;
}

void outlets_hurry(struct outlets *outlets)
{
	for (uint32_t i = 0; i < outlets->end; i++) {
		if (outlets->items[i])
			hand_over(outlets->items[i]);
	}
}

_Bool outlets_flush(struct outlets *outlets, outlet_refused_fn refused, void *context)
{
	_Bool left = 0;

	for (uint32_t i = 0; i < outlets->end; i++) {
		struct outlet *outlet = outlets->items[i];

		if (!outlet || !outlet_holds(outlet))
			continue;
		outlet_flush(outlet, refused, context);
		left |= outlet_holds(outlet);
	}
	return !left;
}

void outlets_drop(struct outlets *outlets, rd_kafka_resp_err_t error, outlet_refused_fn refused, void *context)
{
	for (uint32_t i = 0; i < outlets->end; i++) {
		if (outlets->items[i])
			outlet_drop(outlets->items[i], error, refused, context);
	}
}
