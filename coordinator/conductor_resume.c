/* SPDX-License-Identifier: Apache-2.0 */
/* How a run is gone on with: its journal is read, its place taken again, its local agents found. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/conductor_internal.h"
#include "coordinator/key_folder.h"
#include "coordinator/run/run_restore.h"

/* What the journal says of the run, in place of the command line. */
static void configure(struct conductor *conductor, const struct conductor_resume_config *config,
                      const struct resumption *resumption)
{
	const struct journal_record *first = &resumption->first;
	const struct journal_place *place = &first->run.place;

	conductor->config = (struct conductor_config){.plan = resumption->plan,
	                                              .plan_text = first->run.plan,
	                                              .plan_size = first->run.plan_size,
	                                              .run_folder = config->run_folder,
	                                              .listen = place->local ? NULL : place->address,
	                                              .insecure = place->insecure,
	                                              .keys_folder = place->keys[0] ? place->keys : NULL,
	                                              .agents = place->expect_agents ? place->expect_agents : 1,
	                                              .wait_ns = place->wait_ns,
	                                              .fsync_each = place->fsync_each,
	                                              .require_trust = first->run.require_trust,
	                                              .quiet = config->quiet,
	                                              .colour = config->colour,
	                                              .log = config->log};
	snprintf(conductor->run_id, sizeof(conductor->run_id), "%s", first->run.id);
	resumption_boot_id(conductor->boot_id);
}

static int show(void *context, const struct journal_record *record)
{
	const struct conductor *conductor = context;

	return conductor->progress ? progress_record(conductor->progress, record) : 0;
}

static int restore(struct conductor *conductor, struct resumption *resumption, struct failure *failure)
{
	const struct journal_record *first = &resumption->first;
	int r = conductor_open_progress(conductor);

	if (r == 0)
		r = run_restore_new(&(struct run_config){.plan = resumption->plan,
		                                         .plan_text = first->run.plan,
		                                         .plan_size = first->run.plan_size,
		                                         .run_id = conductor->run_id,
		                                         .version = first->run.version,
		                                         .require_trust = first->run.require_trust,
		                                         .place = first->run.place,
		                                         .files = first->run.files,
		                                         .file_count = first->run.file_count,
		                                         .files_problem = resumption->files_failure.code
		                                                                  ? resumption->files_failure.text
		                                                                  : NULL,
		                                         .boot_id = conductor->boot_id,
		                                         .expect_agents = conductor->config.agents,
		                                         .wait_ns = conductor->config.wait_ns,
		                                         .closed_or_loopback = conductor_is_private(conductor),
		                                         .effect = conductor_take_effect,
		                                         .context = conductor},
		                    &conductor->run);
	if (r == 0)
		r = resumption_open(resumption, conductor->config.run_folder, conductor->run, show, conductor, failure,
		                    &conductor->journal);
	if (r == 0)
		conductor->clock_shift_ns = resumption_clock_shift(resumption, clock_now_ns(), clock_wall_ns());
	return r;
}

static int find_children(struct conductor *conductor, const struct resumption *resumption, struct failure *failure)
{
	const struct journal_place *place = &resumption->first.run.place;
	struct local_agents_config local = conductor_local_agents(conductor, place->address);

	if (!place->local)
		return 0;
	return local_agents_find(&local, resumption->children, resumption->child_count, failure, &conductor->children);
}

/* Is it too late for other data files? Agents may have to fetch them. */
static int check_files(const struct conductor *conductor, const struct resumption *resumption, struct failure *failure)
{
	if (!resumption->files_failure.code || run_started(conductor->run))
		return 0;
	return failure_set(failure, -EINVAL, "%s", resumption->files_failure.text);
}

static void say_where(struct conductor *conductor, const struct resumption *resumption)
{
	char text[FAILURE_TEXT_MAX + 128];

	snprintf(text, sizeof(text), "going on with run %s (%s), agents at %s", conductor->run_id,
	         run_state_names[run_state(conductor->run)], resumption->first.run.place.address);
	conductor_say(conductor, 0, text);
	if (resumption->cut_bytes)
		log_write(conductor->config.log, LOG_WARNING, "half a record of %llu bytes was cut off the journal",
		          (unsigned long long)resumption->cut_bytes);
	if (!resumption->files_failure.code)
		return;
	snprintf(text, sizeof(text), "%s; agents that still need it can't join", resumption->files_failure.text);
	conductor_say(conductor, 1, text);
}

static int go_on(struct conductor *conductor, const struct resumption *resumption, struct failure *failure)
{
	int r;

	say_where(conductor, resumption);
	r = run_resume(conductor->run, conductor_now_ns(conductor), clock_wall_ns());
	if (r < 0 || !conductor->children || run_state(conductor->run) != RUN_GATHERING)
		return r;
	r = local_agents_start_missing(conductor->children, failure);
	return r < 0 ? r : conductor_journal_children(conductor);
}

/* Everything that can be refused without having changed anything. */
static int take_place(struct conductor *conductor, const struct resumption *resumption, struct link_keys *keys,
                      struct failure *failure)
{
	int r = check_files(conductor, resumption, failure);

	if (r == 0 && conductor->config.keys_folder) {
		r = key_folder_read(conductor->config.keys_folder, failure, keys);
		conductor->config.keys = keys;
	}
	if (r == 0)
		r = conductor_open_link(conductor, resumption->first.run.place.address, failure);
	return r == 0 ? conductor_open_signals(conductor) : r;
}

int conductor_resume(const struct conductor_resume_config *config, struct failure *failure,
                     struct conductor_result *ret_result)
{
	struct conductor conductor = {.failure = failure, .signals = -1};
	cleanup(link_keys_deinit) struct link_keys keys = {0};
	cleanup(resumption_deinit) struct resumption resumption = {0};
	int r = resumption_read(config->run_folder, failure, &resumption);

	if (r < 0)
		return r;
	configure(&conductor, config, &resumption);
	r = restore(&conductor, &resumption, failure);
	if (r == 0 && run_state(conductor.run) < RUN_REPORTING)
		r = take_place(&conductor, &resumption, &keys, failure);
	if (r < 0)
		conductor.run = run_free(conductor.run);
	if (r == 0)
		r = find_children(&conductor, &resumption, failure);
	if (r == 0 && run_state(conductor.run) < RUN_REPORTING)
		r = go_on(&conductor, &resumption, failure);
	return conductor_carry_out(&conductor, r, ret_result);
}
