/* SPDX-License-Identifier: Apache-2.0 */
/* What one snapshot changes in its agent's account of a scenario.
 *
 * In bytes it is a mask, and one number for each field that differs from what it most likely is: as many started as
 * planned, as many succeeded as started, an operation for each of them, and nothing else. */
#include "coordinator/journal/account_change.h"

#include <errno.h>

enum { FIELDS = 9 + DROP_REASON_COUNT, FINISHED_BIT = 4 /* among the first seven: a mask of one byte */ };

/* The numbers of an account; what changes often comes first. */
struct fields {
	uint64_t *at[FIELDS];
};

static struct fields fields_of(struct wire_scenario *account)
{
	struct tally *tally = &account->tally;
	struct fields fields = {{&tally->planned, &tally->started, &tally->succeeded, &tally->operations,
	                         &account->running, &tally->failed, &tally->failed_operations, &tally->interrupted,
	                         &account->end_ns}};

	for (size_t i = 0; i < DROP_REASON_COUNT; i++)
		fields.at[FIELDS - DROP_REASON_COUNT + i] = &tally->dropped[i];
	return fields;
}

/* What field `index` most likely is, after those before it. */
static uint64_t expected(const struct fields *fields, size_t index)
{
	return index >= 1 && index <= 3 ? *fields->at[index - 1] : 0;
}

static unsigned bit_of(size_t index)
{
	return 1U << (index < FINISHED_BIT ? index : index + 1);
}

struct wire_scenario account_change(const struct wire_scenario *before, const struct wire_scenario *after)
{
	struct wire_scenario change = *after, from = *before;
	struct fields into = fields_of(&change), minus = fields_of(&from);

	for (size_t i = 0; i < FIELDS; i++)
		*into.at[i] -= *minus.at[i];
	return change;
}

void account_apply(struct wire_scenario *account, const struct wire_scenario *change)
{
	struct wire_scenario copy = *change;
	struct fields into = fields_of(account), plus = fields_of(&copy);

	for (size_t i = 0; i < FIELDS; i++)
		*into.at[i] += *plus.at[i];
	account->finished = change->finished;
}

void account_change_put(const struct wire_scenario *change, struct buffer *buffer)
{
	struct wire_scenario copy = *change;
	struct fields fields = fields_of(&copy);
	unsigned mask = change->finished ? 1U << FINISHED_BIT : 0;

	for (size_t i = 0; i < FIELDS; i++)
		if (*fields.at[i] != expected(&fields, i))
			mask |= bit_of(i);
	buffer_append_varint(buffer, mask);
	for (size_t i = 0; i < FIELDS; i++) {
		int64_t off = (int64_t)(*fields.at[i] - expected(&fields, i));

		if (mask & bit_of(i))
			buffer_append_varint(buffer, ((uint64_t)off << 1) ^ (uint64_t)(off >> 63));
	}
}

struct wire_scenario account_change_get(struct reader *reader)
{
	struct wire_scenario change = {0};
	struct fields fields = fields_of(&change);
	uint64_t mask = reader_varint(reader);

	change.finished = mask >> FINISHED_BIT & 1;
	if (mask >> (FIELDS + 1) && !reader->failed)
		reader->failed = -EBADMSG;
	for (size_t i = 0; i < FIELDS; i++) {
		uint64_t off = mask & bit_of(i) ? reader_varint(reader) : 0;

		if (mask & bit_of(i) && !off && !reader->failed)
			reader->failed = -EBADMSG;
		*fields.at[i] = expected(&fields, i) + ((off >> 1) ^ -(off & 1));
	}
	return change;
}
