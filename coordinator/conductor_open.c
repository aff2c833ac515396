/* SPDX-License-Identifier: Apache-2.0 */
/* How a run is begun: its sockets, its journal, its agents. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "coordinator/command.h"
#include "coordinator/conductor_internal.h"
#include "coordinator/data_files.h"
#include "coordinator/print.h"

#define LOCAL_ADDRESS "tcp://127.0.0.1:0"

/* SIGHUP is one: agents in sessions of their own would go on without us. */
void conductor_ending_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGHUP);
}

int conductor_open_signals(struct conductor *conductor)
{
	sigset_t set;

	conductor_ending_signals(&set);
	sigaddset(&set, SIGCHLD);
	conductor->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return conductor->signals < 0 ? -errno : 0;
}

/* The length of the plan as far as it is known beforehand: 0 if scenarios wait for others. */
static uint64_t planned_length_ns(const struct plan *plan)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];
		uint64_t end = scenario->start_time_ns + scenario->duration_ns;

		if (scenario->start_after != PLAN_NONE || !scenario->duration_ns)
			return 0;
		longest = end > longest ? end : longest;
	}
	return longest;
}

int conductor_open_progress(struct conductor *conductor)
{
	const struct conductor_config *config = &conductor->config;

	if (config->quiet || !print_terminal(stderr))
		return 0;
	return progress_new(&(struct progress_config){.file = stderr,
	                                              .planned_ns = planned_length_ns(config->plan),
	                                              .colour = config->colour},
	                    &conductor->progress);
}

int conductor_open_link(struct conductor *conductor, const char *address, struct failure *failure)
{
	return link_open(&(struct link_config){.address = address,
	                                       .listen = 1,
	                                       .insecure = conductor->config.insecure,
	                                       .keys = conductor->config.keys},
	                 failure, &conductor->link);
}

_Bool conductor_is_private(const struct conductor *conductor)
{
	struct address address;

	if (!conductor->config.listen || conductor->config.keys)
		return 1;
	return address_parse(conductor->config.listen, 1, NULL, &address) == 0 &&
	       address_resolve(&address, 1, NULL) == 0 && address.loopback;
}

/* What was bound: as it was asked for, with the port that it came to. */
static void keep_address(struct conductor *conductor)
{
	struct address wanted, bound;

	snprintf(conductor->address, ADDRESS_TEXT_SIZE, "%s", link_address(conductor->link));
	if (!conductor->config.listen || address_parse(conductor->config.listen, 1, NULL, &wanted) < 0 ||
	    address_parse(conductor->address, 1, NULL, &bound) < 0)
		return;
	wanted.port = bound.port;
	address_format(&wanted, conductor->address);
}

static struct journal_place place_of(struct conductor *conductor)
{
	const struct conductor_config *config = &conductor->config;

	return (struct journal_place){.address = conductor->address,
	                              .keys = conductor->keys_path ? conductor->keys_path : (char *)"",
	                              .local = !config->listen,
	                              .insecure = config->insecure,
	                              .fsync_each = config->fsync_each,
	                              .expect_agents = config->agents,
	                              .wait_ns = config->wait_ns};
}

/* Begins the run, which journals where and from which files. */
static int open_run(struct conductor *conductor, struct failure *failure)
{
	const struct conductor_config *config = &conductor->config;
	uint64_t now_ns = conductor_now_ns(conductor);
	struct run_config run = {.plan = config->plan,
	                         .plan_text = config->plan_text,
	                         .plan_size = config->plan_size,
	                         .run_id = conductor->run_id,
	                         .version = STAMPEDE_VERSION,
	                         .require_trust = config->require_trust,
	                         .place = place_of(conductor),
	                         .files = conductor->files,
	                         .file_count = config->plan->feed_count,
	                         .boot_id = conductor->boot_id,
	                         .expect_agents = config->agents,
	                         .wait_ns = config->wait_ns,
	                         .closed_or_loopback = conductor_is_private(conductor),
	                         .now_ns = now_ns,
	                         .wall_offset_ns = clock_wall_ns() - (int64_t)now_ns,
	                         .effect = conductor_take_effect,
	                         .context = conductor};
	int r = run_check(&run, failure);

	log_write(config->log, LOG_INFO, "run %s of plan %s, agents at %s", conductor->run_id, config->plan->name,
	          conductor->address);
	return r < 0 ? r : run_new(&run, &conductor->run);
}

static int open_parts(struct conductor *conductor, struct failure *failure)
{
	const struct conductor_config *config = &conductor->config;
	uint8_t random[16];
	int r = conductor_open_link(conductor, config->listen ? config->listen : LOCAL_ADDRESS, failure);

	if (r == 0)
		r = journal_create(config->run_folder, config->fsync_each, failure, &conductor->journal);
	if (r == 0)
		r = conductor_open_progress(conductor);
	if (r == 0)
		r = conductor_open_signals(conductor);
	if (r == 0)
		r = data_files_list(config->plan, &conductor->files);
	if (r < 0)
		return r;
	if (config->keys_folder)
		conductor->keys_path = realpath(config->keys_folder, NULL);
	keep_address(conductor);
	random_bytes(random, sizeof(random));
	text_format_uuid(random, conductor->run_id);
	resumption_boot_id(conductor->boot_id);
	return open_run(conductor, failure);
}

struct local_agents_config conductor_local_agents(const struct conductor *conductor, const char *address)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t agents = conductor->config.agents;
	uint32_t workers = cores > 0 ? (uint32_t)cores / agents : 1;

	return (struct local_agents_config){.address = address,
	                                    .count = agents,
	                                    .workers = workers ? workers : 1,
	                                    .run_folder = conductor->config.run_folder};
}

int conductor_journal_children(struct conductor *conductor)
{
	uint32_t count = local_agents_count(conductor->children);
	struct journal_child *items cleanup(cleanup_free) = calloc(count ? count : 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	if (count == 0)
		return 0;
	local_agents_list(conductor->children, items);
	return conductor_write(conductor, &(struct journal_record){.type = JOURNAL_CHILDREN,
	                                                           .children = {.items = items, .count = count}});
}

static int start_agents(struct conductor *conductor, struct failure *failure)
{
	const struct conductor_config *config = &conductor->config;
	struct local_agents_config local;
	char text[256], wait[32];
	int r;

	if (config->listen) {
		snprintf(text, sizeof(text), "waiting up to %s for %u agent%s at %s",
		         units_format_duration(config->wait_ns, wait, sizeof(wait)), config->agents,
		         config->agents == 1 ? "" : "s", link_address(conductor->link));
		conductor_say(conductor, 0, text);
		return 0;
	}
	local = conductor_local_agents(conductor, link_address(conductor->link));
	r = local_agents_start(&local, failure, &conductor->children);
	return r < 0 ? r : conductor_journal_children(conductor);
}

int conductor_run(const struct conductor_config *config, struct failure *failure, struct conductor_result *ret_result)
{
	struct conductor conductor = {.config = *config, .failure = failure, .signals = -1};
	int r = open_parts(&conductor, failure);

	if (r == 0)
		r = start_agents(&conductor, failure);
	return conductor_carry_out(&conductor, r, ret_result);
}
