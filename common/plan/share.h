/* SPDX-License-Identifier: Apache-2.0 */
/* A share: the set of global indices (arrivals, VUs, producers) that one agent, or one worker in it, owns.
 *
 * It is a union of disjoint residue classes: index k is owned if k mod modulus == residue for one of
 * them. Dividing the plan gives classes modulo the sum of the weights, interleaved so that each agent's
 * indices are spread evenly; a redistribution or an agent's workers split classes further. Pure. */
#pragma once

#include <stdint.h>

#include "common/base/random.h"

struct share_class {
	uint64_t modulus; /* >= 1 */
	uint64_t residue; /* < modulus */
};

/* A value with an array: copied by share_copy(), released by share_deinit(). Zero is the empty share. */
struct share {
	struct share_class *classes;
	uint32_t count;
	uint32_t capacity;
};

enum {
	SHARE_WEIGHT_MAX = 1000,     /* of one agent */
	SHARE_CLASSES_MAX = 1000000, /* of one share */
};

/* No run has that many arrivals: 9 years at 1,000,000 a second. */
#define SHARE_MODULUS_MAX (UINT64_C(1) << 48)

void share_deinit(struct share *share);
int share_copy(struct share *into, const struct share *from);
/* Takes the indices of a disjoint share in as well: what a lost agent had. Classes that together are one become one.
 * 0, -ENOMEM or -EOVERFLOW (`into` is then as it was). */
int share_add(struct share *into, const struct share *from);
/* All indices. */
int share_all(struct share *ret_share);

/* Divides `whole` among `count` owners by weight (each 1..SHARE_WEIGHT_MAX); ret_shares[i] is owner i's.
 * The weights are reduced by their common divisor and interleaved by smooth weighted round robin, owner 0 first
 * among equals: with sum of weights W, a class (M, r) becomes the classes (M W, r + M slot), but W classes of one
 * modulus are dealt out whole, so that dividing again and again doesn't multiply classes needlessly. A class whose
 * modulus would pass SHARE_MODULUS_MAX goes whole to one owner (it holds no more than an index or two).
 * Deterministic. The union of the results is `whole`, pairwise disjoint. 0, -ENOMEM, -EINVAL (no owner, a weight out
 * of range) or -EOVERFLOW (more than SHARE_CLASSES_MAX classes in one share or slots in one turn). */
int share_divide(const struct share *whole, const uint32_t *weights, uint32_t count, struct share *ret_shares);

/* The indices that both own, in as few classes as are found. Exact for indices below SHARE_MODULUS_MAX: classes that
 * meet less often than that meet in one index at most. 0, -ENOMEM or -EOVERFLOW. */
int share_intersect(const struct share *a, const struct share *b, struct share *ret_share);
/* The indices of `from` that `minus` doesn't own, likewise. 0, -ENOMEM or -EOVERFLOW. */
int share_subtract(const struct share *from, const struct share *minus, struct share *ret_share);

/* Each index k of the result is owned if k mod count is an owned index below `count`: arrivals or VUs that
 * follow their producer (arrival k belongs to producer k mod count). 0, -ENOMEM, -EINVAL (count 0) or -EOVERFLOW. */
int share_of_producers(const struct share *producers, uint32_t count, struct share *ret_share);

_Bool share_owns(const struct share *share, uint64_t index);
/* How many indices below `limit` are owned. */
uint64_t share_count(const struct share *share, uint64_t limit);
/* The smallest owned index >= from, or UINT64_MAX if none. */
uint64_t share_next(const struct share *share, uint64_t from);
/* The n-th owned index (n from 0), or UINT64_MAX for an empty share. */
uint64_t share_nth(const struct share *share, uint64_t n);

/* Walks the owned indices in ascending order: O(1) a step for one class, O(log classes) for more. Keeps no
 * pointer to the share. */
struct share_cursor {
	struct share_step *heap; /* by the next index of each class */
	uint32_t count;
};

/* Stands on the smallest owned index >= from. 0 or -ENOMEM. */
int share_cursor_init(struct share_cursor *cursor, const struct share *share, uint64_t from);
void share_cursor_deinit(struct share_cursor *cursor);
/* The index it stands on, or UINT64_MAX when there is none. */
uint64_t share_cursor_index(const struct share_cursor *cursor);
/* How many owned indices lie between it (included) and `limit`. */
uint64_t share_cursor_count(const struct share_cursor *cursor, uint64_t limit);
/* Goes to the next owned index. */
void share_cursor_advance(struct share_cursor *cursor);
/* Goes to the smallest owned index >= from, forwards or back. */
void share_cursor_seek(struct share_cursor *cursor, uint64_t from);
