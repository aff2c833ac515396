/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as their steps say. Most plans have plain ones (see source.h), whose way is the short one. */
#include "agent/drivers/kafka/composer.h"

#include <errno.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/slab.h"
#include "agent/drivers/kafka/stream.h"

int composer_init(struct composer *composer, const struct driver_config *config, const struct step_map *map)
{
	composer->config = config;
	return sources_init(&composer->sources, map, config->target, (uint64_t)config->worker + 1);
}

void composer_deinit(struct composer *composer)
{
	sources_deinit(&composer->sources);
	buffer_deinit(&composer->topic);
	buffer_deinit(&composer->key);
	buffer_deinit(&composer->payload);
	buffer_deinit(&composer->header);
	buffer_deinit(&composer->stamped);
}

static int render(const struct template *template, const struct operation *operation, struct buffer *buffer,
                  const char **ret_missing)
{
	buffer_clear(buffer);
	return template ? template_render(template, operation->scope, buffer, ret_missing) : 0;
}

static int render_all(struct composer *composer, const struct operation *operation, const char **ret_missing)
{
	const struct produce_step *step = &operation->step->produce;
	int r = 0;

	if (composer->lasting != step->topic) {
		r = render(step->topic, operation, &composer->topic, ret_missing);
		composer->lasting = r == 0 && template_is_constant(step->topic) ? step->topic : NULL;
	}
	if (r == 0)
		r = render(step->key, operation, &composer->key, ret_missing);
	if (r == 0)
		r = render(step->payload, operation, &composer->payload, ret_missing);
	return r;
}

static int render_headers(struct composer *composer, const struct operation *operation, struct message *message,
                          const char **ret_missing)
{
	const struct template_pairs *pairs = &operation->step->produce.headers;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < pairs->count; i++) {
		const char *name = pairs->items[i].name;
		size_t size = strlen(name);

		r = render(pairs->items[i].value, operation, &composer->header, ret_missing);
		if (r == 0 && rd_kafka_header_add(message->headers, name, (ssize_t)size,
		                                  composer->header.data ? (const void *)composer->header.data : "",
		                                  (ssize_t)composer->header.size))
			r = -ENOMEM;
		message->headers_size += size + composer->header.size;
	}
	return r;
}

static int add_stamp_header(struct composer *composer, const struct operation *operation, struct message *message)
{
	static const char name[] = PRODUCE_STAMP_HEADER;
	uint8_t stamp[STAMP_SIZE];

	stream_stamp(message->stream, composer->config->clock, operation->intended_ns, stamp);
	message->headers_size += sizeof(name) - 1 + STAMP_SIZE;
	return rd_kafka_header_add(message->headers, name, sizeof(name) - 1, stamp, STAMP_SIZE) ? -ENOMEM : 0;
}

static __attribute__((noinline)) int make_headers(struct composer *composer, const struct operation *operation,
                                                  struct message *message, const char **ret_missing)
{
	const struct produce_step *step = &operation->step->produce;
	int r;

	message->headers = rd_kafka_headers_new(step->headers.count + 1);
	if (!message->headers)
		return -ENOMEM;
	r = render_headers(composer, operation, message, ret_missing);
	if (r == 0 && step->stamp == STAMP_HEADERS)
		r = add_stamp_header(composer, operation, message);
	if (r < 0)
		rd_kafka_headers_destroy(message->headers);
	return r;
}

/* A payload that is copied: the stamp, and `size` bytes. */
static int put_stamp_before(struct composer *composer, const struct operation *operation, const void *payload,
                            size_t size, struct message *message)
{
	uint8_t stamp[STAMP_SIZE];

	stream_stamp(message->stream, composer->config->clock, operation->intended_ns, stamp);
	buffer_clear(&composer->stamped);
	buffer_append(&composer->stamped, stamp, STAMP_SIZE);
	buffer_append(&composer->stamped, payload, size);
	message->payload = composer->stamped.data;
	message->payload_size = STAMP_SIZE + size;
	message->payload_lasts = 0;
	return composer->stamped.failed;
}

/* A generated payload that begins with a stamp. */
static int generate_stamped(struct composer *composer, const struct operation *operation, struct message *message)
{
	struct random *random = operation->scope->random;
	size_t size = sources_size(&composer->sources, message->step, random);
	void *payload;

	if (size > SLAB_ITEM_MAX)
		return put_stamp_before(composer, operation,
		                        sources_payload(&composer->sources, message->step, size - STAMP_SIZE, random),
		                        size - STAMP_SIZE, message);
	payload = slab_take(sources_slab(&composer->sources, message->step), size);
	if (!payload)
		return -ENOMEM;
	stream_stamp(message->stream, composer->config->clock, operation->intended_ns, payload);
	message->payload = payload;
	message->payload_size = size;
	message->payload_lasts = message->payload_in_slab = 1;
	return 0;
}

/* The payload of a step whose messages aren't plain. */
static int make_payload(struct composer *composer, const struct operation *operation, struct message *message)
{
	const struct produce_step *step = &operation->step->produce;
	struct random *random = operation->scope->random;

	if (step->payload && step->stamp == STAMP_HEAD)
		return put_stamp_before(composer, operation, composer->payload.data, composer->payload.size, message);
	if (step->payload)
		return 0;
	if (step->stamp == STAMP_HEAD)
		return generate_stamped(composer, operation, message);
	message->payload_size = sources_size(&composer->sources, message->step, random);
	message->payload = sources_payload(&composer->sources, message->step, message->payload_size, random);
	message->payload_lasts = 1;
	return 0;
}

/* Where all is plain: a size from the step's range and a piece of the small block. */
static inline void generate(const struct composer *composer, const struct operation *operation, struct message *message)
{
	const struct range *size = &operation->step->produce.size;
	struct random *random = operation->scope->random;

	message->payload_size = size->low == size->high ? size->low : random_between(random, size->low, size->high);
	message->payload = composer->sources.small + (random_next(random) & (SOURCE_PLACES - 1));
	message->payload_lasts = 1;
}

/* All of the message but its topic, key and payload as rendered. */
static __attribute__((noinline)) int complete(struct composer *composer, const struct operation *operation,
                                              struct message *message, const char **ret_missing)
{
	const struct produce_step *step = &operation->step->produce;
	int r = 0;

	if (step->keys.count > 0)
		r = sources_key(&composer->sources, message->step, operation->scope->random, &composer->key);
	if (step->keys.count > 0) {
		message->key = composer->key.data;
		message->key_size = composer->key.size;
	}
	if (r == 0)
		r = make_payload(composer, operation, message);
	if (r == 0 && (step->headers.count > 0 || step->stamp == STAMP_HEADERS))
		r = make_headers(composer, operation, message, ret_missing);
	return r;
}

int composer_make(struct composer *composer, const struct operation *operation, struct message *message,
                  const char **ret_missing)
{
	const struct produce_step *step = &operation->step->produce;
	int r = render_all(composer, operation, ret_missing);

	if (r < 0)
		return r;
	message->topic = composer->topic.data;
	message->topic_size = composer->topic.size;
	message->payload = composer->payload.data;
	message->payload_size = composer->payload.size;
	if (step->key) {
		message->key = composer->key.data ? (const void *)composer->key.data : "";
		message->key_size = composer->key.size;
	}
	if (!composer->sources.plain)
		return complete(composer, operation, message, ret_missing);
	if (!step->payload)
		generate(composer, operation, message);
	return 0;
}

void composer_take_back(const struct message *message)
{
	if (message->payload_in_slab)
		slab_untake(message->payload, message->payload_size);
}
