/* SPDX-License-Identifier: Apache-2.0 */
/* The errors of a report summed up: thousands of groups may have had the same one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/names.h"
#include "coordinator/report/digest.h"

DEFINE_CLEANUP(struct names *, names_free)

static int compare_errors(const void *a, const void *b)
{
	const struct digest_error *one = a;
	const struct digest_error *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	if (one->class != other->class)
		return one->class < other->class ? -1 : 1;
	return strcmp(one->code, other->code);
}

/* What errors that are summed up have in common. */
static void make_key(struct buffer *key, const struct report_error *error, _Bool detailed)
{
	buffer_clear(key);
	buffer_append_varint(key, error->class);
	buffer_append_string(key, error->code);
	if (!detailed)
		return;
	buffer_append_string(key, error->scenario);
	buffer_append_string(key, error->step);
	buffer_append_string(key, error->text);
}

static void error_start(struct digest_error *into, const struct report_error *error, _Bool detailed)
{
	*into = (struct digest_error){.scenario = detailed ? error->scenario : "",
	                              .step = detailed ? error->step : "",
	                              .class = error->class,
	                              .code = error->code,
	                              .first_s = error->first_s,
	                              .last_s = error->last_s};
}

static void error_add(struct digest_error *into, const struct report_error *error)
{
	into->count += error->count;
	into->groups += error->group[0] != '\0';
	if (error->first_s < into->first_s)
		into->first_s = error->first_s;
	if (error->last_s > into->last_s)
		into->last_s = error->last_s;
	if (!into->text || error->count > into->text_count) {
		into->text = error->text;
		into->text_count = error->count;
	}
}

static int sum_up(const struct report *report, _Bool detailed, struct digest_error **ret_errors, uint32_t *ret_count)
{
	cleanup(names_freep) struct names *names = names_new();
	cleanup(cleanup_free) struct digest_error *errors = calloc(report->error_count + 1, sizeof(*errors));
	cleanup_buffer struct buffer key = {0};

	if (!names || !errors)
		return -ENOMEM;
	for (uint32_t i = 0; i < report->error_count; i++) {
		const struct report_error *error = &report->errors[i];
		uint32_t id;
		_Bool added;

		make_key(&key, error, detailed);
		if (key.failed || names_intern(names, key.data, key.size, &id, &added) < 0)
			return -ENOMEM;
		if (added)
			error_start(&errors[id], error, detailed);
		error_add(&errors[id], error);
	}
	*ret_count = names_count(names);
	qsort(errors, *ret_count, sizeof(*errors), compare_errors);
	*ret_errors = steal(errors);
	return 0;
}

int digest_gather_errors(struct digest *digest, const struct report *report)
{
	int r = sum_up(report, 0, &digest->errors, &digest->error_count);

	return r < 0 ? r : sum_up(report, 1, &digest->details, &digest->detail_count);
}
