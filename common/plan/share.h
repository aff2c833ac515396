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
	SHARE_WEIGHT_MAX = 1000,       /* of one agent */
	SHARE_CLASSES_MAX = 1000000,   /* of one share */
};

void share_deinit(struct share *share);
int share_copy(struct share *into, const struct share *from);
/* All indices. */
int share_all(struct share *ret_share);

/* Divides `whole` among `count` owners by weight (each 1..SHARE_WEIGHT_MAX); ret_shares[i] is owner i's.
 * The weights are reduced by their common divisor and interleaved by smooth weighted round robin, owner 0 first
 * among equals. Deterministic. The union of the results is `whole`, pairwise disjoint. 0 or -ENOMEM. */
int share_divide(const struct share *whole, const uint32_t *weights, uint32_t count, struct share *ret_shares);

/* Each index k of the result is owned if k mod count is an owned index below `count`: arrivals or VUs that
 * follow their producer (arrival k belongs to producer k mod count). */
int share_of_producers(const struct share *producers, uint32_t count, struct share *ret_share);

_Bool share_owns(const struct share *share, uint64_t index);
/* How many indices below `limit` are owned. */
uint64_t share_count(const struct share *share, uint64_t limit);
/* The smallest owned index >= from, or UINT64_MAX if none. */
uint64_t share_next(const struct share *share, uint64_t from);
/* The n-th owned index (n from 0), or UINT64_MAX for an empty share. */
uint64_t share_nth(const struct share *share, uint64_t n);
