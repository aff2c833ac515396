/* SPDX-License-Identifier: Apache-2.0 */
/* The agents of a run. */
#include "coordinator/run/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/names.h"

struct roster {
	struct roster_agent **agents; /* each of its own, so that pointers hold */
	size_t count;
	size_t capacity;
	struct names *by_incarnation;
	struct names *by_name;
};

struct roster *roster_new(void)
{
	struct roster *roster = calloc(1, sizeof(*roster));

	if (!roster)
		return NULL;
	roster->by_incarnation = names_new();
	roster->by_name = names_new();
	if (!roster->by_incarnation || !roster->by_name)
		return roster_free(roster);
	return roster;
}

static void hello_deinit(struct message_hello *hello)
{
	struct message message = {.type = MESSAGE_HELLO, .hello = *hello};

	message_deinit(&message);
	*hello = (struct message_hello){0};
}

static struct roster_agent *agent_free(struct roster_agent *agent)
{
	if (!agent)
		return NULL;
	hello_deinit(&agent->hello);
	clock_offset_free(agent->clock);
	free(agent->name);
	free(agent);
	return NULL;
}

struct roster *roster_free(struct roster *roster)
{
	if (!roster)
		return NULL;
	for (size_t i = 0; i < roster->count; i++)
		agent_free(roster->agents[i]);
	free(roster->agents);
	names_free(roster->by_incarnation);
	names_free(roster->by_name);
	free(roster);
	return NULL;
}

/* A name that no other agent of the run has. */
static char *unique_name(struct roster *roster, const char *wanted)
{
	char *name = NULL;
	uint32_t id;
	_Bool added = 0;

	for (unsigned suffix = 1; !added; suffix++) {
		free(name);
		int length = suffix == 1 ? asprintf(&name, "%s", wanted) : asprintf(&name, "%s-%u", wanted, suffix);

		if (length < 0)
			return NULL;
		if (names_intern(roster->by_name, name, (size_t)length, &id, &added) < 0) {
			free(name);
			return NULL;
		}
	}
	return name;
}

int roster_add(struct roster *roster, const struct incarnation *incarnation, struct message_hello *hello,
               struct roster_agent **ret_agent)
{
	struct roster_agent *agent;
	uint32_t id;
	_Bool added;

	if (array_reserve(&roster->agents, &roster->capacity, roster->count, sizeof(*roster->agents)) < 0)
		return -ENOMEM;
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return -ENOMEM;
	agent->incarnation = *incarnation;
	agent->clock = clock_offset_new();
	agent->name = unique_name(roster, hello->name);
	if (!agent->clock || !agent->name ||
	    names_intern(roster->by_incarnation, incarnation->bytes, INCARNATION_SIZE, &id, &added) < 0) {
		agent_free(agent);
		return -ENOMEM;
	}
	agent->hello = *hello;
	*hello = (struct message_hello){0};
	roster->agents[roster->count++] = agent;
	*ret_agent = agent;
	return 0;
}

/* Both tables anew, without those who are gone: ids are numbers. */
static int name_again(const struct roster *roster, struct names *by_incarnation, struct names *by_name)
{
	uint32_t id;
	_Bool added;
	int r = 0;

	for (size_t i = 0; r == 0 && i < roster->count; i++) {
		const struct roster_agent *agent = roster->agents[i];

		if (agent->gone)
			continue;
		r = names_intern(by_incarnation, agent->incarnation.bytes, INCARNATION_SIZE, &id, &added);
		if (r == 0)
			r = names_intern(by_name, agent->name, strlen(agent->name), &id, &added);
	}
	return r;
}

static _Bool has_gone(const struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		if (roster->agents[i]->gone)
			return 1;
	return 0;
}

int roster_sweep(struct roster *roster)
{
	struct names *by_incarnation, *by_name;
	size_t kept = 0;

	if (!has_gone(roster))
		return 0;
	by_incarnation = names_new();
	by_name = names_new();
	if (!by_incarnation || !by_name || name_again(roster, by_incarnation, by_name) < 0) {
		names_free(by_incarnation);
		names_free(by_name);
		return -ENOMEM;
	}
	names_free(roster->by_incarnation);
	names_free(roster->by_name);
	roster->by_incarnation = by_incarnation;
	roster->by_name = by_name;
	for (size_t i = 0; i < roster->count; i++) {
		if (roster->agents[i]->gone)
			agent_free(roster->agents[i]);
		else
			roster->agents[kept++] = roster->agents[i];
	}
	roster->count = kept;
	return 0;
}

uint32_t roster_count(const struct roster *roster)
{
	return (uint32_t)roster->count;
}

struct roster_agent *roster_get(struct roster *roster, uint32_t index)
{
	return roster->agents[index];
}

uint32_t roster_find(const struct roster *roster, const struct incarnation *incarnation)
{
	return names_find(roster->by_incarnation, incarnation->bytes, INCARNATION_SIZE);
}

uint32_t roster_count_in(const struct roster *roster, enum agent_state state)
{
	uint32_t count = 0;

	for (size_t i = 0; i < roster->count; i++)
		count += roster->agents[i]->state == state;
	return count;
}
