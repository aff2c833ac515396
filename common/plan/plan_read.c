// SPDX-License-Identifier: Apache-2.0
// Reads a plan: the document, its variables, then section by section in the order that names need, so that every
// error is found in one go.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/plan/reading.h"

DEFINE_CLEANUP(struct plan *, plan_free)
DEFINE_CLEANUP(struct document *, document_free)

static const struct bucket_edges default_edges = {.count = 3, .us = {100000, 300000, 500000}};

/* What the plan is called that doesn't say: its file's name without folder and ending. */
static char *default_name(struct reading *reading)
{
	const char *slash = strrchr(reading->file, '/'), *name = slash ? slash + 1 : reading->file;
	char *copy = reading_copy(reading, name[0] ? name : "plan");
	char *dot = copy ? strrchr(copy, '.') : NULL;
	if (dot && dot != copy)
		*dot = '\0';
	return copy;
}

static void check_name(struct reading *reading, const struct node *root)
{
	const struct node *node = node_get(root, "name");
	if (node && reading->plan->name)
		reading_name(reading, node->place, "the plan", reading->plan->name, "");
	if (!reading->plan->name)
		reading->plan->name = default_name(reading);
}

/* --tag K=V goes over the plan's tags. */
static void add_tags(struct reading *reading)
{
	const struct pairs *given = reading->overrides ? reading->overrides->tags : NULL;
	struct pairs *tags = &reading->plan->tags;
	if (!given || given->count == 0)
		return;
	struct pair *items = realloc(tags->items, (tags->count + given->count) * sizeof(*items));
	if (!items) {
		reading->failed = -ENOMEM;
		return;
	}
	tags->items = items;
	for (uint32_t i = 0; i < given->count; i++) {
		uint32_t at = 0;
		if (!reading_name(reading, (struct place){0}, "a tag", given->items[i].name, NAME_FORBIDDEN) ||
		    !reading_outside_text(reading, "tag", given->items[i].name, given->items[i].value))
			continue;
		while (at < tags->count && strcmp(items[at].name, given->items[i].name) != 0)
			at++;
		if (at == tags->count)
			items[tags->count++] = (struct pair){.name = reading_copy(reading, given->items[i].name)};
		free(items[at].value);
		items[at].value = reading_copy(reading, given->items[i].value);
	}
	if (tags->count > LIMIT_TAGS)
		reading_error(reading, (struct place){0}, "the run has %u tags; it may have %d", tags->count,
		              LIMIT_TAGS);
}

/* The sections in the order in which they need each other's names. Without memory the rest is left: what is
 * half made must not be looked at. */
static void read_sections(struct reading *reading)
{
	static const struct {
		const char *key;
		void (*read)(struct reading *reading, const struct node *section);
	} sections[] = {
	        {"data", read_feeds},      {"setup", collect_values},     {"scenarios", collect_saves},
	        {"targets", read_targets}, {"setup", read_setup},         {"teardown", read_teardown},
	        {"readers", read_readers}, {"scenarios", read_scenarios}, {"thresholds", read_thresholds},
	};
	const struct node *root = reading->document->root;
	const struct where top = reading->where;
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections) && !reading->failed; i++) {
		if (sections[i].read == read_thresholds && reading->overrides && reading->overrides->no_thresholds)
			continue;
		sections[i].read(reading, node_get(root, sections[i].key));
		reading_leave(reading, &top);
	}
}

static void read_plan(struct reading *reading)
{
	const struct node *root = reading->document->root;
	if (root->kind != NODE_MAPPING) {
		reading_error(reading, root->place, "a plan must be a mapping, not %s", node_kind_text(root));
		return;
	}
	reading_enter(reading, root->place, "the plan");
	if (reading_substitute(reading) && !reading->failed)
		options_read(reading, &(struct option_map){.options = plan_options}, root, reading->plan);
	else
		return;
	check_name(reading, root);
	add_tags(reading);
	read_sections(reading);
	if (reading->failed)
		return;
	if (reading_errors(reading) == 0)
		imply_duties(reading);
	apply_overrides(reading);
	check_plan(reading);
	reading_warn_unused(reading);
}

static void reading_deinit(struct reading *reading)
{
	for (uint32_t i = 0; i < reading->feed_count; i++) {
		struct feed_notes *notes = &reading->feeds[i];
		free(notes->name);
		free(notes->csv);
		free(notes->column);
		for (uint32_t c = 0; c < notes->column_count; c++)
			free(notes->columns[c]);
		free(notes->columns);
	}
	free(reading->feeds);
	free(reading->scenarios);
	free(reading->owners);
	free(reading->set);
	free(reading->savers);
	free(reading->used);
	free(reading->given_used);
}

static int fail(struct reading *reading, int code)
{
	if (code == -ENOMEM)
		reading_error(reading, (struct place){0}, "no memory");
	failures_sort(reading->failures);
	return code;
}

/* Reads a text by a reading whose sources and lists are set. */
static int read_text(struct reading *reading, const void *text, size_t size, struct plan **ret_plan)
{
	cleanup(document_freep) struct document *document = NULL;
	cleanup(plan_freep) struct plan *plan = calloc(1, sizeof(*plan));
	reading->errors_before = reading->failures->count + reading->failures->left_out;
	if (!plan)
		return fail(reading, -ENOMEM);
	reading->plan = plan;
	plan->names = template_names_new();
	plan->file = strdup(reading->file);
	plan->edges = default_edges;
	plan->group_status = group_status_defaults;
	hash_sha256_hex(text, size, plan->sha256);
	if (!plan->names || !plan->file)
		return fail(reading, -ENOMEM);
	int r = document_parse(reading->file, text, size, &reading->limits, reading->failures, &document);
	if (r < 0)
		return fail(reading, r);
	reading->document = document;
	read_plan(reading);
	reading_deinit(reading);
	if (reading->failed)
		return fail(reading, reading->failed);
	if (reading_errors(reading) > 0)
		return fail(reading, -EINVAL);
	if (reading->warnings)
		failures_sort(reading->warnings);
	*ret_plan = steal(plan);
	return 0;
}

int plan_read(const char *path, const struct plan_overrides *overrides, struct failures *failures,
              struct failures *warnings, struct plan **ret_plan)
{
	const char *slash = strrchr(path, '/');
	cleanup(cleanup_free) char *folder =
	        slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	cleanup_buffer struct buffer buffer = {0};
	struct failure failure = {0};
	struct reading reading = {.file = path,
	                          .failures = failures,
	                          .warnings = warnings,
	                          .limits = {.bytes = LIMIT_PLAN_BYTES, .nodes = LIMIT_PLAN_NODES},
	                          .overrides = overrides,
	                          .environment = 1,
	                          .rows = 1,
	                          .folder = folder};
	if (!folder)
		return fail(&reading, -ENOMEM);
	int r = file_read(path, LIMIT_PLAN_BYTES, &buffer, &failure);
	if (r < 0) {
		failures_add(failures, &failure);
		return r;
	}
	return read_text(&reading, buffer.data ? buffer.data : (const uint8_t *)"", buffer.size, ret_plan);
}

int plan_parse(const void *text, size_t size, const struct plan_file *files, uint32_t file_count,
               struct failures *failures, struct plan **ret_plan)
{
	struct reading reading = {.file = "",
	                          .limits = {.bytes = LIMIT_PLAN_RESOLVED_BYTES, .nodes = LIMIT_PLAN_RESOLVED_NODES},
	                          .failures = failures,
	                          .rows = files != NULL || file_count > 0,
	                          .files = files,
	                          .file_count = file_count};
	return read_text(&reading, text, size, ret_plan);
}
