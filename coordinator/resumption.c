/* SPDX-License-Identifier: Apache-2.0 */
/* A run's journal read to go on with the run.
 *
 * The first record is read before the journal is locked: it never changes, and says how the lock's owner is to write.
 */
#include "coordinator/resumption.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "coordinator/data_files.h"
#include "coordinator/run/run_restore.h"

void resumption_boot_id(char ret_boot_id[BOOT_ID_SIZE])
{
	struct buffer buffer cleanup(buffer_deinit) = {0};
	struct failure failure = {0};

	ret_boot_id[0] = '\0';
	if (file_read("/proc/sys/kernel/random/boot_id", BOOT_ID_SIZE, &buffer, &failure) < 0 || !buffer_text(&buffer))
		return;
	snprintf(ret_boot_id, BOOT_ID_SIZE, "%.*s", (int)strcspn(buffer_text(&buffer), "\n"), buffer_text(&buffer));
}

void resumption_deinit(struct resumption *resumption)
{
	for (uint32_t i = 0; resumption->data && i < resumption->first.run.file_count; i++)
		buffer_deinit(&resumption->data[i]);
	free(resumption->data);
	free(resumption->children);
	plan_free(resumption->plan);
	journal_record_deinit(&resumption->first);
	*resumption = (struct resumption){0};
}

/* ---- the first record, and what it leads to ---- */

/* Takes the first record over; one is enough. */
static int take_first(void *context, struct journal_record *record, uint64_t offset)
{
	struct resumption *resumption = context;

	(void)offset;
	if (record->type == JOURNAL_RUN) {
		resumption->first = *record;
		*record = (struct journal_record){0};
	}
	return -ECANCELED;
}

static int no_run(const char *run_folder, struct failure *failure)
{
	return failure_set(failure, -ENODATA, "%s holds no run: its coordinator ended before the run was begun",
	                   run_folder);
}

static int read_first(struct resumption *resumption, const char *run_folder, struct failure *failure)
{
	uint64_t cut_bytes;
	int r = journal_read(run_folder, take_first, resumption, &cut_bytes, failure);

	if (r == 0 || (r == -ECANCELED && resumption->first.type != JOURNAL_RUN))
		return no_run(run_folder, failure);
	return r == -ECANCELED ? 0 : r;
}

/* The files as plan_parse() wants them. */
static int parse_plan(struct resumption *resumption, const struct plan_file *files, uint32_t count,
                      struct failure *failure)
{
	const struct journal_record *first = &resumption->first;
	struct failures failures = {0};
	int r = plan_parse(first->run.plan, first->run.plan_size, files, count, &failures, &resumption->plan);
	char text[FAILURE_TEXT_MAX] = "no memory";

	if (r < 0 && failures.count > 0)
		failure_format(&failures.items[0], text, sizeof(text));
	failures_deinit(&failures);
	return r < 0 ? failure_set(failure, r, "the journal's plan can't be read: %s", text) : 0;
}

static int read_plan(struct resumption *resumption, struct failure *failure)
{
	const struct journal_file *names = resumption->first.run.files;
	uint32_t count = resumption->first.run.file_count;
	struct plan_file *files cleanup(cleanup_free) = calloc(count ? count : 1, sizeof(*files));
	int r;

	resumption->data = calloc(count ? count : 1, sizeof(*resumption->data));
	if (!files || !resumption->data)
		return failure_set(failure, -ENOMEM, "no memory for the data files");
	r = data_files_read(names, count, resumption->data, &resumption->files_failure);
	if (r == -ENOMEM) {
		*failure = resumption->files_failure;
		return r;
	}
	if (r < 0)
		return parse_plan(resumption, NULL, 0, failure);
	for (uint32_t i = 0; i < count; i++)
		files[i] = (struct plan_file){names[i].name, resumption->data[i].data, resumption->data[i].size};
	return parse_plan(resumption, files, count, failure);
}

int resumption_read(const char *run_folder, struct failure *failure, struct resumption *ret_resumption)
{
	int r;

	*ret_resumption = (struct resumption){0};
	r = read_first(ret_resumption, run_folder, failure);
	return r < 0 ? r : read_plan(ret_resumption, failure);
}

/* ---- all records ---- */

struct opening {
	struct resumption *resumption;
	struct run *run;
	int (*also)(void *context, const struct journal_record *record);
	void *context;
};

static int keep_children(struct resumption *resumption, const struct journal_record *record)
{
	size_t size = record->children.count * sizeof(*resumption->children);
	struct journal_child *children = malloc(size ? size : 1);

	if (!children)
		return -ENOMEM;
	if (size > 0)
		memcpy(children, record->children.items, size);
	free(resumption->children);
	resumption->children = children;
	resumption->child_count = record->children.count;
	return 0;
}

static int take(void *context, struct journal_record *record, uint64_t offset)
{
	const struct opening *opening = context;
	struct resumption *resumption = opening->resumption;
	int r = 0;

	(void)offset;
	if (record->type == JOURNAL_CHILDREN)
		r = keep_children(resumption, record);
	if (record->type == JOURNAL_START) {
		resumption->has_t0 = 1;
		resumption->t0_ns = record->start.t0_ns;
		resumption->t0_unix_ns = record->start.t0_unix_ns;
		snprintf(resumption->boot_id, BOOT_ID_SIZE, "%s", record->start.boot_id);
	}
	if (r == 0 && opening->also)
		r = opening->also(opening->context, record);
	return r < 0 ? r : run_restore_record(opening->run, record);
}

int resumption_open(struct resumption *resumption, const char *run_folder, struct run *run,
                    int (*also)(void *context, const struct journal_record *record), void *context,
                    struct failure *failure, struct journal **ret_journal)
{
	struct opening opening = {resumption, run, also, context};
	int r = journal_reopen(run_folder, resumption->first.run.place.fsync_each, take, &opening,
	                       &resumption->cut_bytes, failure, ret_journal);

	if (r == -EBUSY)
		return failure_set(failure, r, "%s is being run by another process", run_folder);
	if (r == -ENOMEM)
		return failure_set(failure, r, "no memory to go on with %s", run_folder);
	if (r == -EBADMSG && !failure->code)
		return failure_set(failure, r, "the journal in %s contradicts itself", run_folder);
	return r;
}

uint64_t resumption_clock_shift(const struct resumption *resumption, uint64_t now_ns, int64_t wall_ns)
{
	char boot_id[BOOT_ID_SIZE];

	resumption_boot_id(boot_id);
	if (!resumption->has_t0 || strcmp(boot_id, resumption->boot_id) == 0)
		return 0;
	return resumption->t0_ns + (uint64_t)(wall_ns - resumption->t0_unix_ns) - now_ns;
}
