/* SPDX-License-Identifier: Apache-2.0 */
/* Random messages. */
#include "tests/property/wire/random_message.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/plan/share.h"

enum { FEW = 5, MANY = 400, LONG_TEXT = 300 };

void pool_deinit(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		free(pool->items[i]);
	free(pool->items);
	*pool = (struct pool){0};
}

static void *pool_take(struct pool *pool, size_t size)
{
	void *item = calloc(1, size ? size : 1);

	if (!item || array_reserve(&pool->items, &pool->capacity, pool->count + 1, sizeof(void *)) < 0)
		abort();
	pool->items[pool->count++] = item;
	return item;
}

static uint64_t random_value(struct random *random, uint64_t low, uint64_t high)
{
	uint64_t value;

	switch (random_below(random, 4)) {
	case 0:
		return low;
	case 1:
		return high;
	case 2:
		value = random_next(random) >> random_below(random, 64); /* any magnitude */
		return value < low ? low : value > high ? high : value;
	default:
		return random_between(random, low, high);
	}
}

/* Short ones mostly; now and then as long as allowed. */
static uint64_t random_size(struct random *random, uint64_t low, uint64_t high, uint64_t most)
{
	uint64_t short_high = high < low + FEW ? high : low + FEW, long_high = high < most ? high : most;

	return random_below(random, 10) ? random_between(random, low, short_high)
	                                : random_value(random, low, long_high > low ? long_high : low);
}

static char *random_text(struct random *random, struct pool *pool, size_t size)
{
	char *text = pool_take(pool, size + 1);

	for (size_t i = 0; i < size; i++)
		text[i] = (char)random_between(random, 1, 255);
	return text;
}

static enum metric_id random_metric(struct random *random)
{
	enum metric_id metric;

	do
		metric = (enum metric_id)random_below(random, METRIC_COUNT);
	while (!wire_metric_name(metric));
	return metric;
}

static void fill_record(struct random *random, const struct record *record, struct pool *pool, void *into);

static void set_count(const struct field *field, void *into, uint64_t count)
{
	uint8_t *member = (uint8_t *)into + field->count_offset;

	if (field->type == FIELD_RECORDS)
		*(uint32_t *)(void *)member = (uint32_t)count;
	else
		*(size_t *)(void *)member = count;
}

static void fill_records(struct random *random, const struct field *field, struct pool *pool, void *into)
{
	uint64_t count = random_size(random, field->min, field->max, MANY);
	uint8_t *records = count ? pool_take(pool, count * field->of->size) : NULL;

	for (uint64_t i = 0; i < count; i++)
		fill_record(random, field->of, pool, records + i * field->of->size);
	*(void **)field_member(field, into) = records;
	set_count(field, into, count);
}

static void fill_bytes(struct random *random, const struct field *field, struct pool *pool, void *into)
{
	size_t size = random_size(random, field->min, field->max, UINT64_C(1) << 17);
	uint8_t *bytes = pool_take(pool, size);

	random_fill(random, bytes, size);
	*(void **)field_member(field, into) = bytes;
	set_count(field, into, size);
}

static void fill_fixed_text(struct random *random, const struct field *field, struct pool *pool, char *member)
{
	size_t size = random_size(random, field->min, field->max, LONG_TEXT);

	memcpy(member, random_text(random, pool, size), size + 1);
}

static void fill_field(struct random *random, const struct field *field, struct pool *pool, void *into)
{
	void *member = field_member(field, into);

	switch (field->type) {
	case FIELD_NUMBER:
		if (field->size == sizeof(uint32_t))
			*(uint32_t *)member = (uint32_t)random_value(random, field->min, field->max);
		else
			*(uint64_t *)member = random_value(random, field->min, field->max);
		break;
	case FIELD_BOOL:
		*(_Bool *)member = random_below(random, 2);
		break;
	case FIELD_TEXT:
	case FIELD_KEPT_TEXT:
		*(char **)member = random_text(random, pool, random_size(random, field->min, field->max, LONG_TEXT));
		break;
	case FIELD_FIXED_TEXT:
		fill_fixed_text(random, field, pool, member);
		break;
	case FIELD_BYTES:
	case FIELD_KEPT_BYTES:
		fill_bytes(random, field, pool, into);
		break;
	case FIELD_FIXED_BYTES:
		random_fill(random, member, field->max);
		break;
	case FIELD_METRIC:
		*(enum metric_id *)member = random_metric(random);
		break;
	case FIELD_RECORD:
		fill_record(random, field->of, pool, member);
		break;
	case FIELD_RECORDS:
		fill_records(random, field, pool, into);
		break;
	}
}

static void fill_record(struct random *random, const struct record *record, struct pool *pool, void *into)
{
	for (uint32_t i = 0; i < record->count; i++)
		fill_field(random, &record->fields[i], pool, into);
}

static void settle_share(struct share *share)
{
	for (uint32_t i = 0; i < share->count; i++)
		share->classes[i].residue %= share->classes[i].modulus;
}

static void settle_assign(struct random *random, struct message_assign *assign)
{
	static const char digits[] = "0123456789abcdef";

	assign->agent_index %= assign->agent_count;
	for (uint32_t i = 0; i < assign->share_count; i++)
		settle_share(&assign->shares[i]);
	for (uint32_t i = 0; i < assign->move_count; i++)
		settle_share(&assign->moves[i].share);
	for (uint32_t i = 0; i < assign->file_count; i++) {
		for (size_t k = 0; assign->files[i].sha256[k]; k++)
			assign->files[i].sha256[k] = digits[random_below(random, 16)];
	}
}

static void settle_snapshot(struct random *random, struct message_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->series_count; i++)
		snapshot->series[i].id = i + 1000;
	for (uint32_t i = 0, id = 0; i < snapshot->cell_count; i++) {
		id += 1 + (uint32_t)random_below(random, 1000);
		snapshot->cells[i].series_id = id;
	}
}

static void settle_duty(struct message_duty *duty)
{
	for (uint32_t i = 0; i < duty->verifier_count; i++)
		duty->verifiers[i].duty = i;
}

void random_message(struct random *random, enum message_type type, struct pool *pool, struct message *ret_message)
{
	struct message message = {.type = type};

	fill_record(random, &message_records[type], pool, &message);
	if (type == MESSAGE_ASSIGN)
		settle_assign(random, &message.assign);
	if (type == MESSAGE_SNAPSHOT)
		settle_snapshot(random, &message.snapshot);
	if (type == MESSAGE_DUTY)
		settle_duty(&message.duty);
	*ret_message = message;
}

static _Bool record_equal(const struct record *record, const void *a, const void *b);

static _Bool records_equal(const struct field *field, const void *a, const void *b)
{
	const uint8_t *first = *(const uint8_t *const *)field_member_const(field, a);
	const uint8_t *second = *(const uint8_t *const *)field_member_const(field, b);
	uint64_t count = field_count(field, a);

	if (count != field_count(field, b))
		return 0;
	for (uint64_t i = 0; i < count; i++) {
		if (!record_equal(field->of, first + i * field->of->size, second + i * field->of->size))
			return 0;
	}
	return 1;
}

static _Bool bytes_equal(const struct field *field, const void *a, const void *b)
{
	uint64_t size = field_count(field, a);

	return size == field_count(field, b) &&
	       (size == 0 || memcmp(*(const void *const *)field_member_const(field, a),
	                            *(const void *const *)field_member_const(field, b), size) == 0);
}

static _Bool field_equal(const struct field *field, const void *a, const void *b)
{
	const void *first = field_member_const(field, a), *second = field_member_const(field, b);

	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_KEPT_TEXT:
		return strcmp(*(const char *const *)first, *(const char *const *)second) == 0;
	case FIELD_FIXED_TEXT:
		return strcmp(first, second) == 0;
	case FIELD_BYTES:
	case FIELD_KEPT_BYTES:
		return bytes_equal(field, a, b);
	case FIELD_RECORD:
		return record_equal(field->of, first, second);
	case FIELD_RECORDS:
		return records_equal(field, a, b);
	default:
		return memcmp(first, second, field->size) == 0;
	}
}

static _Bool record_equal(const struct record *record, const void *a, const void *b)
{
	for (uint32_t i = 0; i < record->count; i++) {
		if (!field_equal(&record->fields[i], a, b))
			return 0;
	}
	return 1;
}

_Bool message_equal(const struct message *a, const struct message *b)
{
	return a->type == b->type && record_equal(&message_records[a->type], a, b);
}
