/* SPDX-License-Identifier: Apache-2.0 */
/* From one epoch to the next: an agent gets its part of what the others have.
 *
 * Each owner gives the same fraction. A part is taken class by class: the largest that fits; where none fits, the
 * smallest is halved. So an owner keeps few classes, however often agents come and go, and what it keeps doesn't move.
 * Among halves, the one is taken whose VUs bring the newcomer nearest to its part of them, counted over all owners. */
#include "coordinator/run/division_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"

enum {
	PRECISION = 32,     /* what is taken of an owner may be wrong by one such part of it */
	PIECES_MAX = 16384, /* of one owner's share; more aren't made by halving */
};

struct piece {
	struct share_class class;
	double size;
	uint64_t vus; /* what there are so many of and no more: VUs, or producers */
	_Bool taken;
};

/* One owner's share, being divided in two. */
struct pool {
	_Bool endless;
	uint64_t domain;
	struct piece *pieces;
	size_t count, capacity;
};

/* What a newcomer gets of one scenario. */
struct admission {
	const struct scenario *scenario;
	double fraction;
	double owed;        /* VUs, beyond those that were taken already; may be negative */
	struct share *left; /* by agent: what owners keep; of no classes where they keep all */
	struct share part;
};

static int pool_push(struct pool *pool, uint64_t modulus, uint64_t residue)
{
	struct piece piece = {.class = {modulus, residue}};
	const struct share one = {.classes = &piece.class, .count = 1};
	int r = array_reserve(&pool->pieces, &pool->capacity, pool->count, sizeof(*pool->pieces));

	if (r < 0)
		return r;
	piece.vus = share_count(&one, pool->domain);
	piece.size = pool->endless ? 1.0 / (double)modulus : (double)piece.vus;
	pool->pieces[pool->count++] = piece;
	return 0;
}

static int pool_fill(struct pool *pool, const struct share *share)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < share->count; i++)
		r = pool_push(pool, share->classes[i].modulus, share->classes[i].residue);
	return r;
}

static _Bool is_nearer(const struct piece *a, const struct piece *b, double vus)
{
	return fabs((double)a->vus - vus) < fabs((double)b->vus - vus);
}

/* The largest piece that isn't larger than `most`; or, for halving, the smallest that is. */
static struct piece *find_piece(struct pool *pool, double most, _Bool larger, double vus)
{
	struct piece *best = NULL;

	for (size_t i = 0; i < pool->count; i++) {
		struct piece *piece = &pool->pieces[i];

		if (piece->taken || piece->size == 0 || (piece->size > most) != larger)
			continue;
		if (!best || (larger ? piece->size < best->size : piece->size > best->size) ||
		    (piece->size == best->size && is_nearer(piece, best, vus)))
			best = piece;
	}
	return best;
}

/* 1, 0 if it can't be halved, or -ENOMEM. */
static int halve(struct pool *pool, struct piece *piece)
{
	struct share_class class = piece->class;
	size_t at = (size_t)(piece - pool->pieces);
	int r;

	if (class.modulus > SHARE_MODULUS_MAX / 2 || pool->count >= PIECES_MAX)
		return 0;
	r = pool_push(pool, class.modulus * 2, class.residue);
	if (r == 0)
		r = pool_push(pool, class.modulus * 2, class.residue + class.modulus);
	if (r < 0)
		return r;
	pool->pieces[at] = pool->pieces[--pool->count];
	return 1;
}

/* Marks what is taken: `size` of it, and as near to `vus` VUs as there is a choice. */
static int pool_take(struct pool *pool, double size, double vus)
{
	double tolerance = pool->endless ? size / PRECISION : 0.25;
	int r = 1;

	while (r == 1 && size > tolerance) {
		struct piece *piece = find_piece(pool, size + tolerance, 0, vus);

		if (piece) {
			piece->taken = 1;
			size -= piece->size;
			vus -= (double)piece->vus;
			continue;
		}
		piece = find_piece(pool, size + tolerance, 1, vus);
		r = piece ? halve(pool, piece) : 0;
	}
	return r < 0 ? r : 0;
}

static uint64_t pool_vus(const struct pool *pool, _Bool taken)
{
	uint64_t vus = 0;

	for (size_t i = 0; i < pool->count; i++)
		vus += pool->pieces[i].taken == taken ? pool->pieces[i].vus : 0;
	return vus;
}

static double pool_size(const struct pool *pool)
{
	double size = 0;

	for (size_t i = 0; i < pool->count; i++)
		size += pool->pieces[i].size;
	return size;
}

/* Adds the pieces that are taken, or those that are not. */
static int pool_give(const struct pool *pool, _Bool taken, struct share *into)
{
	struct share share cleanup(share_deinit) = {0};

	share.classes = calloc(pool->count + 1, sizeof(*share.classes));
	if (!share.classes)
		return -ENOMEM;
	share.capacity = (uint32_t)pool->count + 1;
	for (size_t i = 0; i < pool->count; i++)
		if (pool->pieces[i].taken == taken)
			share.classes[share.count++] = pool->pieces[i].class;
	return share_add(into, &share);
}

/* Divides one owner's share; it keeps all of it if it would keep no VU, or if nothing is to be had. */
static int take_from(struct admission *admission, const struct share *share, uint32_t owner)
{
	struct pool pool = {.endless = division_is_endless(admission->scenario),
	                    .domain = division_domain(admission->scenario)};
	double size, vus;
	int r = pool_fill(&pool, share);

	if (r == 0) {
		vus = admission->owed + admission->fraction * (double)(pool_vus(&pool, 0));
		size = pool.endless ? admission->fraction * pool_size(&pool) : floor(vus + 0.5);
		r = pool_take(&pool, size, vus);
		admission->owed = vus;
	}
	if (r == 0 && pool_vus(&pool, 0) > 0) {
		r = pool_give(&pool, 1, &admission->part);
		if (r == 0)
			r = pool_give(&pool, 0, &admission->left[owner]);
		admission->owed -= (double)pool_vus(&pool, 1);
	}
	free(pool.pieces);
	return r;
}

/* The newcomer's part of what the owners have together. */
static double fraction_of(const struct member *members, const struct division *division, uint32_t agent,
                          uint32_t scenario)
{
	double owners = 0;

	for (uint32_t i = 0; i < division->agent_count; i++)
		if (i != agent && members[i].stand == MEMBER_HEIR && division_of(division, i)[scenario].count > 0)
			owners += members[i].weight;
	return owners > 0 ? members[agent].weight / (owners + members[agent].weight) : 0;
}

static int admit_to(const struct member *members, struct division *division, uint32_t agent, uint32_t scenario,
                    struct admission *admission)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < division->agent_count; i++)
		if (i != agent && members[i].stand == MEMBER_HEIR && division_of(division, i)[scenario].count > 0)
			r = take_from(admission, &division_of(division, i)[scenario], i);
	if (r < 0 || share_count(&admission->part, division_domain(admission->scenario)) == 0)
		return r;
	for (uint32_t i = 0; i < division->agent_count; i++) {
		if (admission->left[i].count == 0)
			continue;
		share_deinit(division_at(division, i, scenario));
		*division_at(division, i, scenario) = admission->left[i];
		admission->left[i] = (struct share){0};
	}
	r = share_add(division_at(division, agent, scenario), &admission->part);
	return r < 0 ? r : 1;
}

static int admit_scenario(const struct plan *plan, const struct member *members, struct division *division,
                          uint32_t agent, uint32_t scenario)
{
	struct admission admission = {.scenario = &plan->scenarios[scenario],
	                              .fraction = fraction_of(members, division, agent, scenario)};
	int r = 0;

	if (admission.fraction == 0 || executor_is_counted(admission.scenario->executor) ||
	    !division_is_able(plan, division, &members[agent], agent, scenario))
		return 0;
	admission.left = calloc(division->agent_count, sizeof(*admission.left));
	r = admission.left ? admit_to(members, division, agent, scenario, &admission) : -ENOMEM;
	for (uint32_t i = 0; admission.left && i < division->agent_count; i++)
		share_deinit(&admission.left[i]);
	free(admission.left);
	share_deinit(&admission.part);
	return r;
}

/* ---- connections ---- */

static uint32_t *connections_at(struct division *division, uint32_t agent, uint32_t target)
{
	return &division->connections[(size_t)agent * division->target_count + target];
}

/* Hands the newcomer connections that nobody uses any more: at most its even part. */
static void hand_connections(const struct member *members, struct division *division, uint32_t agent, uint32_t target,
                             uint32_t total)
{
	uint32_t used = 0, users = 1, wanted;

	for (uint32_t i = 0; i < division->agent_count; i++) {
		if (i == agent || members[i].stand == MEMBER_GONE || *connections_at(division, i, target) == 0)
			continue;
		used += *connections_at(division, i, target);
		users++;
	}
	wanted = total / users > 0 ? total / users : 1;
	if (used >= total || *connections_at(division, agent, target) > 0)
		return;
	wanted = wanted < total - used ? wanted : total - used;
	*connections_at(division, agent, target) = wanted;
	used += wanted;
	/* Those who are gone keep what is left. */
	for (uint32_t i = 0; i < division->agent_count; i++) {
		uint32_t *held = connections_at(division, i, target);

		if (i == agent || members[i].stand != MEMBER_GONE)
			continue;
		*held = *held < total - used ? *held : total - used;
		used += *held;
	}
}

int division_admit(const struct plan *plan, const struct member *members, uint32_t agent, struct division *division)
{
	int moved = 0;

	for (uint32_t i = 0; i < plan->target_count; i++)
		if (plan->targets[i].kind == TARGET_POSTGRES)
			hand_connections(members, division, agent, i, plan->targets[i].postgres.connections);
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		int r = admit_scenario(plan, members, division, agent, i);

		if (r < 0)
			return r;
		moved |= r;
	}
	return moved;
}
