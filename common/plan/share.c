/* SPDX-License-Identifier: Apache-2.0 */
/* Residue classes: dividing the indices of a plan among owners, and looking them up.
 *
 * Invariants: the classes of a share are disjoint, sorted by (modulus, residue), and each residue is below its
 * modulus. Dividing keeps the density of every owner exact: whole turns of W equal classes are dealt out by the
 * slots of one turn, what is left is split W-fold. */
#include "common/plan/share_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"

void share_deinit(struct share *share)
{
	free(share->classes);
	*share = (struct share){0};
}

int share_push(struct share *share, uint64_t modulus, uint64_t residue)
{
	size_t capacity = share->capacity;
	int r;

	if (share->count >= SHARE_CLASSES_MAX)
		return -EOVERFLOW;
	r = array_reserve(&share->classes, &capacity, share->count, sizeof(*share->classes));
	if (r < 0)
		return r;
	share->capacity = (uint32_t)capacity;
	share->classes[share->count++] = (struct share_class){modulus, residue};
	return 0;
}

static int compare_classes(const void *left, const void *right)
{
	const struct share_class *a = left, *b = right;

	if (a->modulus != b->modulus)
		return a->modulus < b->modulus ? -1 : 1;
	return a->residue < b->residue ? -1 : a->residue > b->residue;
}

void share_sort(struct share *share)
{
	if (share->count > 1)
		qsort(share->classes, share->count, sizeof(*share->classes), compare_classes);
}

int share_copy(struct share *into, const struct share *from)
{
	struct share copy = {0};

	if (from->count > 0) {
		copy.classes = malloc(from->count * sizeof(*copy.classes));
		if (!copy.classes)
			return -ENOMEM;
		memcpy(copy.classes, from->classes, from->count * sizeof(*copy.classes));
		copy.count = copy.capacity = from->count;
	}
	*into = copy;
	return 0;
}

int share_add(struct share *into, const struct share *from)
{
	struct share sum cleanup(share_deinit) = {0};
	int r = share_copy(&sum, into);

	for (uint32_t i = 0; r == 0 && i < from->count; i++)
		r = share_push(&sum, from->classes[i].modulus, from->classes[i].residue);
	if (r == 0)
		r = share_join(&sum);
	if (r < 0)
		return r;
	share_deinit(into);
	*into = sum;
	sum = (struct share){0};
	return 0;
}

int share_all(struct share *ret_share)
{
	struct share all = {0};
	int r = share_push(&all, 1, 0);

	if (r < 0)
		return r;
	*ret_share = all;
	return 0;
}

/* One turn of smooth weighted round robin: which owner each slot belongs to. */
struct turn {
	uint32_t *owners;
	uint32_t slots;
};

/* Owners of one weight always take turns among themselves, so a turn needs to compare weights, not owners. */
struct rank {
	uint32_t weight;
	uint32_t size;     /* owners of this weight */
	uint32_t *members; /* ascending */
	uint32_t next;     /* position of the one whose turn it is */
	int64_t credit;    /* of that one */
};

static uint32_t common_divisor(const uint32_t *weights, uint32_t count)
{
	uint32_t divisor = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t a = divisor, b = weights[i];

		while (b) {
			uint32_t rest = a % b;

			a = b;
			b = rest;
		}
		divisor = a;
	}
	return divisor;
}

/* Groups owners by weight: `members` and `ret_ranks` have room for `count`. Returns how many ranks there are. */
static uint32_t rank_owners(const uint32_t *weights, uint32_t count, uint32_t divisor, uint32_t *members,
                            struct rank *ret_ranks)
{
	uint32_t sizes[SHARE_WEIGHT_MAX + 1] = {0}, ranks = 0;
	uint32_t *of_weight[SHARE_WEIGHT_MAX + 1] = {0};

	for (uint32_t i = 0; i < count; i++)
		sizes[weights[i]]++;
	for (uint32_t weight = 1; weight <= SHARE_WEIGHT_MAX; weight++) {
		if (sizes[weight] == 0)
			continue;
		of_weight[weight] = members;
		ret_ranks[ranks++] =
		        (struct rank){.weight = weight / divisor, .size = sizes[weight], .members = members};
		members += sizes[weight];
	}
	for (uint32_t i = 0; i < count; i++)
		*of_weight[weights[i]]++ = i;
	return ranks;
}

static struct rank *rank_best(struct rank *ranks, uint32_t count)
{
	struct rank *best = &ranks[0];

	for (uint32_t i = 1; i < count; i++) {
		struct rank *rank = &ranks[i];

		if (rank->credit > best->credit ||
		    (rank->credit == best->credit && rank->members[rank->next] < best->members[best->next]))
			best = rank;
	}
	return best;
}

/* Takes a slot's price from the owner whose turn it is and passes the turn on. Every member of a rank has either the
 * rank's credit or, after its turn, that less one price. */
static uint32_t rank_take(struct rank *rank, uint32_t price)
{
	uint32_t owner = rank->members[rank->next];

	if (++rank->next == rank->size) {
		rank->next = 0;
		rank->credit -= price;
	}
	return owner;
}

static int turn_fill(struct turn *turn, const uint32_t *weights, uint32_t count, uint32_t divisor)
{
	uint32_t *members cleanup(cleanup_free) = NULL;
	struct rank *ranks cleanup(cleanup_free) = NULL;
	uint32_t rank_count;

	members = malloc(count * sizeof(*members));
	ranks = malloc(count * sizeof(*ranks));
	if (!members || !ranks)
		return -ENOMEM;
	rank_count = rank_owners(weights, count, divisor, members, ranks);
	for (uint32_t slot = 0; slot < turn->slots; slot++) {
		for (uint32_t i = 0; i < rank_count; i++)
			ranks[i].credit += ranks[i].weight;
		turn->owners[slot] = rank_take(rank_best(ranks, rank_count), turn->slots);
	}
	return 0;
}

static int turn_init(struct turn *turn, const uint32_t *weights, uint32_t count)
{
	uint64_t sum = 0;
	uint32_t divisor;
	int r;

	if (count == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (weights[i] < 1 || weights[i] > SHARE_WEIGHT_MAX)
			return -EINVAL;
		sum += weights[i];
	}
	divisor = common_divisor(weights, count);
	if (sum / divisor > SHARE_CLASSES_MAX)
		return -EOVERFLOW;
	turn->slots = (uint32_t)(sum / divisor);
	turn->owners = malloc(turn->slots * sizeof(*turn->owners));
	if (!turn->owners)
		return -ENOMEM;
	r = turn_fill(turn, weights, count, divisor);
	if (r < 0) {
		free(turn->owners);
		turn->owners = NULL;
	}
	return r;
}

/* Splits one class among the slots of a turn that begins at slot `first`. */
static int split_class(const struct turn *turn, const struct share_class *class, uint32_t first, struct share *shares)
{
	if (class->modulus > SHARE_MODULUS_MAX / turn->slots)
		return share_push(&shares[turn->owners[first]], class->modulus, class->residue);
	for (uint32_t i = 0; i < turn->slots; i++) {
		uint32_t owner = turn->owners[(first + i) % turn->slots];
		int r = share_push(&shares[owner], class->modulus * turn->slots, class->residue + class->modulus * i);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Divides classes of one modulus. *first is the slot at which the next split begins. */
static int divide_equals(const struct turn *turn, const struct share_class *classes, uint32_t count, uint32_t *first,
                         struct share *shares)
{
	uint32_t dealt = count - count % turn->slots;
	int r;

	for (uint32_t i = 0; i < dealt; i++) {
		r = share_push(&shares[turn->owners[i % turn->slots]], classes[i].modulus, classes[i].residue);
		if (r < 0)
			return r;
	}
	for (uint32_t i = dealt; i < count; i++) {
		r = split_class(turn, &classes[i], *first, shares);
		if (r < 0)
			return r;
		*first = (*first + 1) % turn->slots;
	}
	return 0;
}

static int divide_all(const struct turn *turn, const struct share *sorted, struct share *shares)
{
	uint32_t first = 0;

	for (uint32_t i = 0, n; i < sorted->count; i += n) {
		int r;

		for (n = 1; i + n < sorted->count; n++)
			if (sorted->classes[i + n].modulus != sorted->classes[i].modulus)
				break;
		r = divide_equals(turn, &sorted->classes[i], n, &first, shares);
		if (r < 0)
			return r;
	}
	return 0;
}

int share_divide(const struct share *whole, const uint32_t *weights, uint32_t count, struct share *ret_shares)
{
	struct share sorted cleanup(share_deinit) = {0};
	struct share *shares cleanup(cleanup_free) = NULL;
	struct turn turn = {0};
	int r;

	r = turn_init(&turn, weights, count);
	if (r < 0)
		return r;
	shares = calloc(count, sizeof(*shares));
	r = shares ? share_copy(&sorted, whole) : -ENOMEM;
	if (r == 0) {
		share_sort(&sorted);
		r = divide_all(&turn, &sorted, shares);
	}
	free(turn.owners);
	if (r < 0) {
		for (uint32_t i = 0; shares && i < count; i++)
			share_deinit(&shares[i]);
		return r;
	}
	for (uint32_t i = 0; i < count; i++)
		share_sort(&shares[i]);
	memcpy(ret_shares, shares, count * sizeof(*shares));
	return 0;
}

static int push_producers(const struct share *producers, uint32_t count, struct share *share)
{
	for (uint32_t i = 0; i < producers->count; i++) {
		const struct share_class *class = &producers->classes[i];
		_Bool whole = count % class->modulus == 0;

		if (whole) { /* k mod count and k itself then have the same residue */
			int r = share_push(share, class->modulus, class->residue);

			if (r < 0)
				return r;
			continue;
		}
		for (uint64_t producer = class->residue; producer < count; producer += class->modulus) {
			int r = share_push(share, count, producer);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

int share_of_producers(const struct share *producers, uint32_t count, struct share *ret_share)
{
	struct share share cleanup(share_deinit) = {0};
	int r;

	if (count == 0)
		return -EINVAL;
	r = push_producers(producers, count, &share);
	if (r < 0)
		return r;
	share_sort(&share);
	*ret_share = share;
	share = (struct share){0};
	return 0;
}
