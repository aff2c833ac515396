/* SPDX-License-Identifier: Apache-2.0 */
/* Verifiers, between the words of the wire and those of the threads. */
#include <errno.h>
#include <stdlib.h>

#include "agent/crew_state.h"
#include "common/base/cleanup.h"

static struct verify_offset *to_verify(const struct wire_offset *offsets, uint32_t count)
{
	struct verify_offset *copies = calloc((size_t)count + 1, sizeof(*copies));

	for (uint32_t i = 0; copies && i < count; i++)
		copies[i] = (struct verify_offset){offsets[i].partition, offsets[i].offset};
	return copies;
}

static struct wire_offset *to_wire(const struct verify_offset *offsets, size_t count)
{
	struct wire_offset *copies = calloc(count + 1, sizeof(*copies));

	for (size_t i = 0; copies && i < count; i++)
		copies[i] = (struct wire_offset){offsets[i].partition, offsets[i].offset};
	return copies;
}

static int give_orders(struct crew *crew, const struct wire_verifier *verifiers, uint32_t count,
                       struct verifier_order *orders, _Bool closing)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++) {
		orders[i] = (struct verifier_order){
		        .duty = verifiers[i].duty,
		        .reader = verifiers[i].reader,
		        .positions = to_verify(verifiers[i].positions, verifiers[i].position_count),
		        .position_count = verifiers[i].position_count,
		        .resumes = verifiers[i].resumes,
		};
		r = orders[i].positions ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = verifiers_set(crew->verifiers, orders, count, closing);
	for (uint32_t i = 0; i < count; i++)
		free((void *)orders[i].positions);
	return r;
}

int crew_verifiers(struct crew *crew, const struct wire_verifier *verifiers, uint32_t count, _Bool closing)
{
	struct verifier_order *orders cleanup(cleanup_free) = NULL;

	if (!atomic_load(&crew->opened) || !crew->verifiers)
		return 0;
	orders = calloc((size_t)count + 1, sizeof(*orders));
	return orders ? give_orders(crew, verifiers, count, orders, closing) : -ENOMEM;
}

static void drop_seen(struct crew *crew)
{
	free(crew->seen.starts);
	free(crew->seen.ends);
	crew->seen = (struct message_seen){0};
}

int crew_seen(struct crew *crew, struct message_seen *ret_seen)
{
	struct verifier_news news;

	drop_seen(crew);
	if (!atomic_load(&crew->opened) || !crew->verifiers || !verifiers_take(crew->verifiers, &news))
		return 0;
	crew->seen = (struct message_seen){
	        .duty = news.duty,
	        .reader = news.reader,
	        .seq = news.seq,
	        .starts = to_wire(news.report.starts, news.report.start_count),
	        .start_count = (uint32_t)news.report.start_count,
	        .ends = to_wire(news.report.ends, news.report.end_count),
	        .end_count = (uint32_t)news.report.end_count,
	        .seen = (uint8_t *)news.report.seen,
	        .seen_size = news.report.seen_size,
	        .over = news.over,
	        .problem = (char *)(news.problem ? news.problem : ""),
	};
	if (!crew->seen.starts || !crew->seen.ends)
		return -ENOMEM;
	*ret_seen = crew->seen;
	return 1;
}

void crew_seen_acked(struct crew *crew, const struct message_seen_ack *ack)
{
	if (crew->verifiers)
		verifiers_acked(crew->verifiers, ack->duty, ack->reader, ack->seq);
}

void crew_release_verifiers(struct crew *crew)
{
	drop_seen(crew);
	crew->verifiers = verifiers_free(crew->verifiers);
}
