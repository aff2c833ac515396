/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots that the coordinator has not journaled yet.
 *
 * A ring in memory has an item for each of those between `acknowledged` and `newest`. A snapshot stays in memory while
 * there is room; else it goes to the disk as an encoded message, and only its place is kept. On the disk they lie one
 * after the other, in their order, round and round within disk_bytes: since they are forgotten in that order too, what
 * is free is always in one piece, or in two at both ends. Nothing on the disk is of use to another process, so it needs
 * no framing; a checksum finds what came back otherwise than it was written. */
#include "agent/spool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/hash.h"
#include "common/wire/codec.h"

struct item {
	struct snapshot *snapshot; /* as it was made, or NULL: it is on the disk */
	struct message *read;      /* from there, or NULL */
	uint64_t second;
	uint64_t offset;
	size_t size; /* in memory, or on the disk */
	size_t read_size;
	uint32_t checksum;
	_Bool last;
};

struct spool {
	struct spool_config config;
	struct item *ring; /* snapshot seq at seq & (capacity - 1) */
	size_t capacity;   /* a power of two */
	uint64_t newest;
	uint64_t acknowledged;
	size_t memory; /* of those that were never on the disk */
	size_t read;   /* of those that were read */
	/* The disk. */
	uint64_t stored;     /* snapshots */
	uint64_t stored_seq; /* the oldest of them, while there is one */
	uint64_t stored_bytes;
	uint64_t end; /* of the newest */
};

enum { FIRST_CAPACITY = 16 };

DEFINE_CLEANUP(struct spool *, spool_free)

struct spool *spool_new(const struct spool_config *config)
{
	cleanup(spool_freep) struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return NULL;
	spool->ring = calloc(FIRST_CAPACITY, sizeof(*spool->ring));
	if (!spool->ring)
		return NULL;
	spool->capacity = FIRST_CAPACITY;
	spool->config = *config;
	return steal(spool);
}

struct spool *spool_free(struct spool *spool)
{
	if (!spool)
		return NULL;
	if (spool->ring)
		spool_clear(spool);
	free(spool->ring);
	free(spool);
	return NULL;
}

static struct item *item_of(const struct spool *spool, uint64_t seq)
{
	return &spool->ring[seq & (spool->capacity - 1)];
}

static _Bool is_held(const struct spool *spool, uint64_t seq)
{
	return seq > spool->acknowledged && seq <= spool->newest;
}

static int grow(struct spool *spool)
{
	size_t capacity = 2 * spool->capacity;
	struct item *ring = calloc(capacity, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	for (uint64_t seq = spool->acknowledged + 1; seq <= spool->newest; seq++)
		ring[seq & (capacity - 1)] = *item_of(spool, seq);
	free(spool->ring);
	spool->ring = ring;
	spool->capacity = capacity;
	return 0;
}

/* The disk. */

/* Where `size` more bytes find room. */
static int find_room(const struct spool *spool, uint64_t size, uint64_t *ret_offset)
{
	uint64_t start = spool->stored > 0 ? item_of(spool, spool->stored_seq)->offset : 0;
	uint64_t end = spool->stored > 0 ? spool->end : 0;
	/* It goes on at the front already: up to where the oldest begins. */
	_Bool around = spool->stored > 0 && end <= start;

	if (size <= (around ? start : spool->config.disk_bytes) - end)
		*ret_offset = end;
	else if (!around && size <= start)
		*ret_offset = 0;
	else
		return -ENOBUFS;
	return 0;
}

static int store(struct spool *spool, const struct snapshot *snapshot, struct item *ret_item)
{
	const struct message message = {.type = MESSAGE_SNAPSHOT, .snapshot = snapshot->message};
	cleanup_buffer struct buffer bytes = {0};
	uint64_t offset = 0;
	int r = codec_encode(&message, &bytes);

	if (r == 0)
		r = find_room(spool, bytes.size, &offset);
	if (r == 0)
		r = spool->config.disk.ops->write(spool->config.disk.context, offset, bytes.data, bytes.size);
	if (r < 0)
		return r;
	ret_item->offset = offset;
	ret_item->size = bytes.size;
	ret_item->checksum = hash_crc32(bytes.data, bytes.size);
	return 0;
}

static void count_stored(struct spool *spool, uint64_t seq, const struct item *item)
{
	if (spool->stored++ == 0)
		spool->stored_seq = seq;
	spool->stored_bytes += item->size;
	spool->end = item->offset + item->size;
}

static void forget_stored(struct spool *spool, const struct item *item)
{
	spool->stored_bytes -= item->size;
	if (--spool->stored == 0)
		spool->config.disk.ops->clear(spool->config.disk.context);
}

/* The oldest stored one is forgotten: the next becomes it. */
static void pass_stored(struct spool *spool)
{
	do
		spool->stored_seq++;
	while (spool->stored > 0 && item_of(spool, spool->stored_seq)->snapshot);
}

static int read_stored(struct spool *spool, struct item *item)
{
	cleanup(cleanup_free) struct message *message = calloc(1, sizeof(*message));
	cleanup(cleanup_free) uint8_t *bytes = malloc(item->size);
	struct failure failure;
	int r;

	if (!message || !bytes)
		return -ENOMEM;
	r = spool->config.disk.ops->read(spool->config.disk.context, item->offset, bytes, item->size);
	if (r == 0 && hash_crc32(bytes, item->size) != item->checksum)
		r = -EIO;
	if (r == 0)
		r = codec_decode(bytes, item->size, &failure, message);
	if (r < 0)
		return r == -EBADMSG ? -EIO : r;
	item->read = steal(message);
	item->read_size = item->size;
	spool->read += item->read_size;
	return 0;
}

/* In and out. */

int spool_add(struct spool *spool, struct snapshot *snapshot)
{
	struct item item = {
	        .second = snapshot->message.second, .size = snapshot->memory, .last = snapshot->message.last};
	int r = 0;

	assert(snapshot->message.seq == spool->newest + 1);
	if (spool->newest - spool->acknowledged == spool->capacity && grow(spool) < 0)
		return -ENOMEM;
	if (snapshot->memory <= spool->config.memory_bytes - spool->memory)
		item.snapshot = snapshot;
	else
		r = spool->config.disk.ops ? store(spool, snapshot, &item) : -ENOBUFS;
	if (r < 0)
		return r;
	*item_of(spool, ++spool->newest) = item;
	if (item.snapshot) {
		spool->memory += item.size;
	} else {
		count_stored(spool, spool->newest, &item);
		snapshot_free(snapshot);
	}
	return 0;
}

static void forget(struct spool *spool, struct item *item)
{
	if (item->snapshot)
		spool->memory -= item->size;
	else
		forget_stored(spool, item);
	if (item->read)
		message_deinit(item->read);
	free(item->read);
	spool->read -= item->read_size;
	snapshot_free(item->snapshot);
	*item = (struct item){0};
}

void spool_acknowledge(struct spool *spool, uint64_t seq)
{
	while (spool->acknowledged < seq && spool->acknowledged < spool->newest) {
		struct item *item = item_of(spool, ++spool->acknowledged);
		_Bool stored = !item->snapshot;

		forget(spool, item);
		if (stored)
			pass_stored(spool);
	}
}

void spool_cut(struct spool *spool, uint64_t seq)
{
	while (spool->newest >= seq && spool->newest > spool->acknowledged) {
		struct item *item = item_of(spool, spool->newest--);

		if (!item->snapshot)
			spool->end = item->offset;
		forget(spool, item);
	}
}

void spool_clear(struct spool *spool)
{
	spool_acknowledge(spool, spool->newest);
	spool->newest = 0;
	spool->acknowledged = 0;
}

_Bool spool_find(const struct spool *spool, uint64_t seq, struct spool_item *ret_item)
{
	const struct item *item;

	if (!is_held(spool, seq))
		return 0;
	item = item_of(spool, seq);
	*ret_item = (struct spool_item){.second = item->second, .size = item->size, .last = item->last};
	return 1;
}

int spool_get(struct spool *spool, uint64_t seq, const struct message_snapshot **ret_snapshot)
{
	struct item *item = item_of(spool, seq);
	int r = 0;

	assert(is_held(spool, seq));
	if (item->snapshot) {
		*ret_snapshot = &item->snapshot->message;
		return 0;
	}
	if (!item->read)
		r = read_stored(spool, item);
	if (r == 0)
		*ret_snapshot = &item->read->snapshot;
	return r;
}

uint64_t spool_newest(const struct spool *spool)
{
	return spool->newest;
}

uint64_t spool_acknowledged(const struct spool *spool)
{
	return spool->acknowledged;
}

size_t spool_memory(const struct spool *spool)
{
	return spool->memory + spool->read;
}

uint64_t spool_on_disk(const struct spool *spool)
{
	return spool->stored_bytes;
}
