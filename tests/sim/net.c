/* SPDX-License-Identifier: Apache-2.0 */
/* The network: messages as bytes, each on its way for a while. One connection between the coordinator and each agent,
 * in order unless the seed says otherwise; what a broken connection carried is lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/wire/codec.h"
#include "tests/sim/host.h"
#include "tests/sim/sim.h"

enum { QUEUE_MAX = 1000 /* messages towards one side that a library keeps for it */ };

struct parcel {
	uint64_t at_ns;
	uint64_t order;
	uint32_t process;
	_Bool to_boss;
	_Bool held; /* by a partition */
	uint8_t *bytes;
	size_t size;
};

struct line {
	uint64_t cut_until_ns;
	_Bool cut_resets;
	uint64_t last_ns[2]; /* when the newest message each way arrives */
};

struct net {
	struct sim *sim;
	struct line lines[SIM_AGENTS_MAX];
	struct parcel *heap; /* by time, then order */
	size_t count, capacity;
	uint64_t order;
	struct buffer scratch;
};

struct net *net_new(struct sim *sim)
{
	struct net *net = calloc(1, sizeof(*net));

	sim_must(net ? 0 : -ENOMEM, "network");
	net->sim = sim;
	return net;
}

struct net *net_free(struct net *net)
{
	if (!net)
		return NULL;
	for (size_t i = 0; i < net->count; i++)
		free(net->heap[i].bytes);
	free(net->heap);
	buffer_deinit(&net->scratch);
	free(net);
	return NULL;
}

static _Bool before(const struct parcel *a, const struct parcel *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void swap(struct parcel *a, struct parcel *b)
{
	struct parcel kept = *a;

	*a = *b;
	*b = kept;
}

static void sift_down(struct net *net, size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < net->count; child++)
			if (before(&net->heap[child], &net->heap[least]))
				least = child;
		if (least == i)
			return;
		swap(&net->heap[i], &net->heap[least]);
		i = least;
	}
}

static void push(struct net *net, struct parcel parcel)
{
	size_t i = net->count;

	sim_must(array_reserve(&net->heap, &net->capacity, net->count, sizeof(*net->heap)), "parcels");
	parcel.order = net->order++;
	net->heap[net->count++] = parcel;
	for (; i > 0 && before(&net->heap[i], &net->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&net->heap[i], &net->heap[(i - 1) / 2]);
}

static struct parcel pop(struct net *net)
{
	struct parcel first = net->heap[0];

	net->heap[0] = net->heap[--net->count];
	sift_down(net, 0);
	return first;
}

/* Takes out what is of these processes (and, with to_boss >= 0, goes that way). */
static void lose(struct net *net, uint32_t processes, int to_boss)
{
	size_t kept = 0;

	for (size_t i = 0; i < net->count; i++) {
		struct parcel *parcel = &net->heap[i];

		if ((processes & 1U << parcel->process) && (to_boss < 0 || parcel->to_boss == to_boss))
			free(parcel->bytes);
		else
			net->heap[kept++] = *parcel;
	}
	net->count = kept;
	for (size_t i = kept / 2 + 1; i-- > 0;)
		sift_down(net, i);
}

static uint64_t way_ns(struct net *net)
{
	const struct chance *chance = &net->sim->chance;
	double jitter = random_exponential(&net->sim->random) * (double)chance->jitter_ns;

	return chance->delay_ns + (uint64_t)jitter;
}

static _Bool happens(struct net *net, double share)
{
	return share > 0 && random_unit(&net->sim->random) < share;
}

static uint64_t arrival_ns(struct net *net, struct line *line, _Bool to_boss)
{
	uint64_t now_ns = net->sim->now_ns;
	uint64_t at_ns = (line->cut_until_ns > now_ns ? line->cut_until_ns : now_ns) + way_ns(net);

	if (happens(net, net->sim->chance.reorder))
		return at_ns;
	if (at_ns < line->last_ns[to_boss])
		at_ns = line->last_ns[to_boss];
	line->last_ns[to_boss] = at_ns;
	return at_ns;
}

static size_t waiting(const struct net *net, uint32_t process, _Bool to_boss)
{
	size_t count = 0;

	for (size_t i = 0; i < net->count; i++)
		count += net->heap[i].process == process && net->heap[i].to_boss == to_boss;
	return count;
}

static uint8_t *copy(const struct buffer *bytes)
{
	uint8_t *copied = malloc(bytes->size);

	sim_must(copied ? 0 : -ENOMEM, "parcel");
	memcpy(copied, bytes->data, bytes->size);
	return copied;
}

void net_send(struct net *net, uint32_t process, _Bool to_boss, const struct message *message)
{
	struct line *line = &net->lines[process];
	unsigned copies = 1;
	int r;

	buffer_clear(&net->scratch);
	r = codec_encode(message, &net->scratch);
	if (r < 0) {
		sim_break(net->sim, "a %s can't be encoded: %s", message_type_names[message->type], strerror(-r));
		return;
	}
	if (happens(net, net->sim->chance.drop)) {
		sim_trace(net->sim, "lost: %s %s agent %u", message_type_names[message->type], to_boss ? "from" : "to",
		          process);
		return;
	}
	copies += happens(net, net->sim->chance.repeat);
	if (waiting(net, process, to_boss) > QUEUE_MAX)
		return;
	while (copies--)
		push(net, (struct parcel){.at_ns = arrival_ns(net, line, to_boss),
		                          .process = process,
		                          .to_boss = to_boss,
		                          .held = line->cut_until_ns > net->sim->now_ns,
		                          .bytes = copy(&net->scratch),
		                          .size = net->scratch.size});
}

void net_partition(struct net *net, uint32_t processes, uint64_t until_ns, _Bool reset)
{
	size_t count = net->count;
	struct parcel *caught = calloc(count + 1, sizeof(*caught));
	size_t caught_count = 0;

	sim_must(caught ? 0 : -ENOMEM, "partition");
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++) {
		if (!(processes & 1U << i))
			continue;
		net->lines[i].cut_until_ns = until_ns;
		net->lines[i].cut_resets = reset;
	}
	if (reset) {
		lose(net, processes, -1);
		free(caught);
		return;
	}
	/* What was under way comes when it is over. */
	while (net->count)
		caught[caught_count++] = pop(net);
	for (size_t i = 0; i < caught_count; i++) {
		struct parcel *parcel = &caught[i];

		if (processes & 1U << parcel->process) {
			parcel->held = 1;
			parcel->at_ns = arrival_ns(net, &net->lines[parcel->process], parcel->to_boss);
		}
		push(net, *parcel);
	}
	free(caught);
}

void net_reset(struct net *net, uint32_t processes)
{
	lose(net, processes, -1);
}

void net_forget(struct net *net, uint32_t process)
{
	lose(net, 1U << process, 0);
}

void net_boss_gone(struct net *net)
{
	lose(net, UINT32_MAX, 0);
	/* What an agent's library has not got rid of yet goes to the next coordinator, or is lost with the connection.
	 */
	if (random_below(&net->sim->random, 2))
		lose(net, UINT32_MAX, 1);
}

uint64_t net_next_ns(const struct net *net)
{
	return net->count ? net->heap[0].at_ns : CLOCK_NEVER;
}

static void deliver(struct net *net, const struct parcel *parcel)
{
	struct failure failure = {0};
	struct message message = {0};
	int r = codec_decode(parcel->bytes, parcel->size, &failure, &message);

	if (r < 0) {
		sim_break(net->sim, "a message is refused by its receiver: %s", failure.text);
		return;
	}
	if (parcel->to_boss)
		boss_message(net->sim->boss, parcel->process, &message);
	else
		agent_message(net->sim->agents[parcel->process], &message);
	message_deinit(&message);
}

void net_deliver(struct net *net)
{
	struct sim *sim = net->sim;
	struct parcel parcel = pop(net);
	struct line *line = &net->lines[parcel.process];

	/* The first to arrive after such a partition finds that nothing of what waited was kept. */
	if (parcel.held && line->cut_resets) {
		free(parcel.bytes);
		return;
	}
	/* A process that is stopped, or not there yet, has it waiting for it. */
	uint64_t from_ns =
	        parcel.to_boss ? boss_receives_ns(sim->boss) : agent_receives_ns(sim->agents[parcel.process]);

	if (from_ns > sim->now_ns && from_ns != CLOCK_NEVER) {
		parcel.at_ns = from_ns;
		push(net, parcel);
		return;
	}
	if (from_ns != CLOCK_NEVER)
		deliver(net, &parcel);
	free(parcel.bytes);
}
