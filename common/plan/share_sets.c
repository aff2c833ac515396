/* SPDX-License-Identifier: Apache-2.0 */
/* Shares as sets: what two have in common, what one has beyond another, and joining classes that are one.
 *
 * Two classes meet in one class modulo their least common multiple (Chinese remainder theorem) or not at all. What
 * meets at a multiple beyond SHARE_MODULUS_MAX is one index at most, and is kept as that index modulo
 * SHARE_MODULUS_MAX: the sets are exact for every index that a run can have.
 *
 * Taking classes out of a class goes prime by prime: a class less 1 of its 12 parts is 1/2, 1/4 and 2/12 of it, 4
 * classes and not 11. */
#include "common/plan/share_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"

typedef unsigned __int128 wide;

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* x with a x = 1 modulo m, for a and m without a common divisor. */
static uint64_t inverse(uint64_t a, uint64_t m)
{
	__int128 x = 0, next = 1;
	uint64_t r = m, next_r = a % m;

	while (next_r) {
		uint64_t quotient = r / next_r, rest = r % next_r;
		__int128 y = x - (__int128)quotient * next;

		x = next;
		next = y;
		r = next_r;
		next_r = rest;
	}
	x %= m;
	return (uint64_t)(x < 0 ? x + m : x);
}

/* How classes modulo a and modulo b meet. */
struct meeting {
	uint64_t a, b;
	uint64_t divisor; /* their greatest common one */
	uint64_t inverse; /* of a / divisor modulo b / divisor */
};

static struct meeting meeting_of(uint64_t a, uint64_t b)
{
	struct meeting meeting = {.a = a, .b = b, .divisor = greatest_divisor(a, b)};

	meeting.inverse = inverse(a / meeting.divisor, b / meeting.divisor);
	return meeting;
}

/* True if the classes meet in an index that a run can have. */
static _Bool meet(const struct meeting *meeting, uint64_t residue_a, uint64_t residue_b, struct share_class *ret_class)
{
	uint64_t turns = meeting->b / meeting->divisor;
	uint64_t apart = (uint64_t)(((wide)residue_b + meeting->b - residue_a % meeting->b) % meeting->b);
	wide modulus = (wide)meeting->a * turns, residue;

	if (apart % meeting->divisor != 0)
		return 0;
	residue =
	        (wide)meeting->a * (uint64_t)((wide)(apart / meeting->divisor) * meeting->inverse % turns) + residue_a;
	if (modulus > SHARE_MODULUS_MAX && modulus != meeting->a && modulus != meeting->b) {
		if (residue >= SHARE_MODULUS_MAX)
			return 0;
		modulus = SHARE_MODULUS_MAX;
	}
	*ret_class = (struct share_class){(uint64_t)modulus, (uint64_t)residue};
	return 1;
}

/* Classes with what they come from: the position of a class in the share that is cut. */
struct piece {
	struct share_class class;
	uint32_t of;
};

struct pieces {
	struct piece *items;
	size_t count, capacity;
};

static void pieces_deinit(struct pieces *pieces)
{
	free(pieces->items);
}

static int pieces_push(struct pieces *pieces, struct share_class class, uint32_t of)
{
	int r;

	if (pieces->count >= SHARE_CLASSES_MAX)
		return -EOVERFLOW;
	r = array_reserve(&pieces->items, &pieces->capacity, pieces->count, sizeof(*pieces->items));
	if (r < 0)
		return r;
	pieces->items[pieces->count++] = (struct piece){class, of};
	return 0;
}

/* A residue under what it leaves modulo a divisor of its modulus. */
struct keyed {
	uint64_t key;
	uint64_t residue;
	uint32_t at;
};

static int compare_keyed(const void *left, const void *right)
{
	const struct keyed *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->residue < b->residue ? -1 : a->residue > b->residue;
}

static size_t first_with(const struct keyed *sorted, size_t count, uint64_t key)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sorted[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A stretch of classes of one modulus. */
struct group {
	const struct share_class *classes;
	uint32_t first, count;
};

static struct group group_from(const struct share *sorted, uint32_t first)
{
	struct group group = {.classes = sorted->classes + first, .first = first};

	while (first + group.count < sorted->count && group.classes[group.count].modulus == group.classes[0].modulus)
		group.count++;
	return group;
}

/* Only classes whose residues agree modulo the common divisor are looked at: the work follows what is found. */
static int meet_groups(const struct group *a, const struct group *b, struct keyed *keyed, struct pieces *pieces)
{
	struct meeting meeting = meeting_of(a->classes[0].modulus, b->classes[0].modulus);

	for (uint32_t i = 0; i < b->count; i++)
		keyed[i] = (struct keyed){b->classes[i].residue % meeting.divisor, b->classes[i].residue, i};
	qsort(keyed, b->count, sizeof(*keyed), compare_keyed);
	for (uint32_t i = 0; i < a->count; i++) {
		uint64_t residue = a->classes[i].residue, key = residue % meeting.divisor;

		for (size_t j = first_with(keyed, b->count, key); j < b->count && keyed[j].key == key; j++) {
			struct share_class class;
			int r = 0;

			if (meet(&meeting, residue, keyed[j].residue, &class))
				r = pieces_push(pieces, class, a->first + i);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Where two sorted shares meet, by the classes of the first. */
static int pieces_find(struct pieces *pieces, const struct share *a, const struct share *b)
{
	struct keyed *keyed cleanup(cleanup_free) = NULL;

	if (a->count == 0 || b->count == 0)
		return 0;
	keyed = malloc(b->count * sizeof(*keyed));
	if (!keyed)
		return -ENOMEM;
	for (uint32_t i = 0; i < a->count;) {
		struct group of_a = group_from(a, i);

		for (uint32_t j = 0; j < b->count;) {
			struct group of_b = group_from(b, j);
			int r = meet_groups(&of_a, &of_b, keyed, pieces);

			if (r < 0)
				return r;
			j += of_b.count;
		}
		i += of_a.count;
	}
	return 0;
}

static int share_sorted(const struct share *share, struct share *ret_sorted)
{
	int r = share_copy(ret_sorted, share);

	if (r == 0)
		share_sort(ret_sorted);
	return r;
}

int share_intersect(const struct share *a, const struct share *b, struct share *ret_share)
{
	struct share sorted_a cleanup(share_deinit) = {0}, sorted_b cleanup(share_deinit) = {0};
	struct share common cleanup(share_deinit) = {0};
	struct pieces pieces cleanup(pieces_deinit) = {0};
	int r;

	r = share_sorted(a, &sorted_a);
	if (r == 0)
		r = share_sorted(b, &sorted_b);
	if (r == 0)
		r = pieces_find(&pieces, &sorted_a, &sorted_b);
	for (size_t i = 0; r == 0 && i < pieces.count; i++)
		r = share_push(&common, pieces.items[i].class.modulus, pieces.items[i].class.residue);
	if (r == 0)
		r = share_join(&common);
	if (r < 0)
		return r;
	*ret_share = common;
	common = (struct share){0};
	return 0;
}

/* The smallest prime into whose parts a class must be split to come nearer to the coarsest of the pieces in it; 0 if
 * there is none, or none that a share has room for. */
static uint64_t split_by(const struct share_class *class, const struct piece *pieces, size_t count)
{
	uint64_t coarsest = UINT64_MAX, parts;

	for (size_t i = 0; i < count; i++)
		if (pieces[i].class.modulus < coarsest)
			coarsest = pieces[i].class.modulus;
	parts = coarsest / greatest_divisor(coarsest, class->modulus);
	for (uint64_t prime = 2; prime <= SHARE_CLASSES_MAX && prime * prime <= parts; prime++)
		if (parts % prime == 0)
			return prime;
	return parts > 1 && parts <= SHARE_CLASSES_MAX ? parts : 0;
}

static _Bool any_has(const struct piece *pieces, size_t count, uint64_t index)
{
	for (size_t i = 0; i < count; i++)
		if (index % pieces[i].class.modulus == pieces[i].class.residue)
			return 1;
	return 0;
}

/* A class that can't be split any further: its few indices, one by one. */
static int carve_indices(const struct share_class *class, const struct piece *pieces, size_t count, struct share *share)
{
	if (SHARE_MODULUS_MAX / class->modulus > SHARE_CLASSES_MAX)
		return -EOVERFLOW;
	for (uint64_t index = class->residue; index < SHARE_MODULUS_MAX; index += class->modulus) {
		int r = any_has(pieces, count, index) ? 0 : share_push(share, SHARE_MODULUS_MAX, index);

		if (r < 0)
			return r;
		if (class->modulus >= SHARE_MODULUS_MAX)
			break;
	}
	return 0;
}

static int carve(struct share_class class, const struct piece *pieces, size_t count, struct share *share);

static int carve_part(const struct share_class *part, const struct piece *pieces, size_t count, struct share *share)
{
	struct pieces inside cleanup(pieces_deinit) = {0};

	for (size_t i = 0; i < count; i++) {
		struct meeting meeting = meeting_of(part->modulus, pieces[i].class.modulus);
		struct share_class class;
		int r = 0;

		if (meet(&meeting, part->residue, pieces[i].class.residue, &class))
			r = pieces_push(&inside, class, 0);
		if (r < 0)
			return r;
	}
	return carve(*part, inside.items, inside.count, share);
}

/* What is left of a class without the pieces, each of which lies in it. The classes get finer by a prime each time,
 * so this goes no deeper than 48 times. */
static int carve(struct share_class class, const struct piece *pieces, size_t count, struct share *share)
{
	uint64_t primes;

	if (count == 0)
		return share_push(share, class.modulus, class.residue);
	for (size_t i = 0; i < count; i++)
		if (pieces[i].class.modulus == class.modulus)
			return 0;
	primes = split_by(&class, pieces, count);
	if (primes == 0 || class.modulus > SHARE_MODULUS_MAX / primes)
		return carve_indices(&class, pieces, count, share);
	for (uint64_t i = 0; i < primes; i++) {
		struct share_class part = {class.modulus * primes, class.residue + class.modulus * i};
		int r = carve_part(&part, pieces, count, share);

		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_pieces(const void *left, const void *right)
{
	const struct piece *a = left, *b = right;

	return a->of < b->of ? -1 : a->of > b->of;
}

int share_subtract(const struct share *from, const struct share *minus, struct share *ret_share)
{
	struct share sorted cleanup(share_deinit) = {0}, sorted_minus cleanup(share_deinit) = {0};
	struct share rest cleanup(share_deinit) = {0};
	struct pieces pieces cleanup(pieces_deinit) = {0};
	int r;

	r = share_sorted(from, &sorted);
	if (r == 0)
		r = share_sorted(minus, &sorted_minus);
	if (r == 0)
		r = pieces_find(&pieces, &sorted, &sorted_minus);
	if (r == 0 && pieces.count > 1)
		qsort(pieces.items, pieces.count, sizeof(*pieces.items), compare_pieces);
	for (size_t i = 0, next = 0; r == 0 && i < sorted.count; i++) {
		size_t first = next;

		while (next < pieces.count && pieces.items[next].of == i)
			next++;
		r = carve(sorted.classes[i], pieces.items ? pieces.items + first : NULL, next - first, &rest);
	}
	if (r == 0)
		r = share_join(&rest);
	if (r < 0)
		return r;
	*ret_share = rest;
	rest = (struct share){0};
	return 0;
}

/* Joins the classes of one modulus that are all parts of a class `prime` times coarser. A joined one takes the place of
 * one of its parts, the others get modulus 0. Returns how many went. */
static uint32_t join_by(struct share_class *classes, uint32_t count, uint64_t prime, struct keyed *keyed)
{
	uint64_t modulus = classes[0].modulus, coarser = modulus / prime;
	uint32_t parts = 0, gone = 0;

	for (uint32_t i = 0; i < count; i++)
		if (classes[i].modulus == modulus)
			keyed[parts++] = (struct keyed){classes[i].residue % coarser, classes[i].residue, i};
	qsort(keyed, parts, sizeof(*keyed), compare_keyed);
	for (uint32_t i = 0, n; i < parts; i += n) {
		for (n = 1; i + n < parts && keyed[i + n].key == keyed[i].key; n++)
			;
		if (n < prime)
			continue;
		for (uint32_t j = 1; j < n; j++)
			classes[keyed[i + j].at].modulus = 0;
		classes[keyed[i].at] = (struct share_class){coarser, keyed[i].key};
		gone += n - 1;
	}
	return gone;
}

static void drop_gone(struct share *share)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < share->count; i++)
		if (share->classes[i].modulus != 0)
			share->classes[kept++] = share->classes[i];
	share->count = kept;
}

/* Joins in each group by the first prime that does anything. Returns how many classes went. */
static uint32_t join_once(struct share *share, struct keyed *keyed)
{
	uint32_t gone = 0;

	for (uint32_t first = 0; first < share->count;) {
		struct group group = group_from(share, first);
		uint64_t rest = group.classes[0].modulus;
		uint32_t joined = 0;

		for (uint64_t prime = 2; joined == 0 && prime <= group.count; prime++) {
			if (rest % prime != 0)
				continue;
			joined = join_by(&share->classes[first], group.count, prime, keyed);
			while (rest % prime == 0)
				rest /= prime;
		}
		gone += joined;
		first += group.count;
	}
	return gone;
}

int share_join(struct share *share)
{
	struct keyed *keyed cleanup(cleanup_free) = NULL;

	share_sort(share);
	if (share->count < 2)
		return 0;
	keyed = malloc(share->count * sizeof(*keyed));
	if (!keyed)
		return -ENOMEM;
	while (join_once(share, keyed) > 0) {
		drop_gone(share);
		share_sort(share);
	}
	return 0;
}
