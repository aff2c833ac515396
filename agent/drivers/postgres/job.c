/* SPDX-License-Identifier: Apache-2.0 */
/* Statements to run. */
#include "agent/drivers/postgres/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

struct job *job_new(void)
{
	return calloc(1, sizeof(struct job));
}

struct job *job_free(struct job *job)
{
	if (!job)
		return NULL;
	buffer_deinit(&job->text);
	free(job->pointers);
	free(job);
	return NULL;
}

/* Each value ends with a NUL; the text may move while they are added, so that pointers are made at the end. */
static int render_values(struct job *job, const struct sql_step *step, const char **ret_missing)
{
	buffer_clear(&job->text);
	for (uint32_t i = 0; i < step->params.count; i++) {
		int r = template_render(step->params.items[i].value, job->operation->scope, &job->text, ret_missing);

		if (r < 0)
			return r;
		buffer_append_byte(&job->text, '\0');
	}
	return job->text.failed;
}

int job_render(struct job *job, struct operation *operation, const char **ret_missing)
{
	const struct sql_step *step = &operation->step->sql;
	const char *at;
	int r;

	job->operation = operation;
	r = render_values(job, step, ret_missing);
	if (r == 0)
		r = array_reserve(&job->pointers, &job->pointer_capacity, step->params.count, sizeof(*job->pointers));
	if (r < 0)
		return r;
	at = (const char *)job->text.data;
	for (uint32_t i = 0; i < step->params.count; i++) {
		job->pointers[i] = at;
		at += strlen(at) + 1;
	}
	job->query = step->query;
	job->values = job->pointers;
	job->value_count = step->params.count;
	return 0;
}

void job_list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	job->previous = list->last;
	if (list->last)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	list->count++;
}

void job_list_remove(struct job_list *list, struct job *job)
{
	if (job->previous)
		job->previous->next = job->next;
	else
		list->first = job->next;
	if (job->next)
		job->next->previous = job->previous;
	else
		list->last = job->previous;
	list->count--;
}

struct job *job_list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job)
		job_list_remove(list, job);
	return job;
}
