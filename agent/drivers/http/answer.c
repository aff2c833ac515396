/* SPDX-License-Identifier: Apache-2.0 */
/* Success, classes and saved values of answers. */
#include "agent/drivers/http/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/drivers/http/json_path.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"

DEFINE_CLEANUP(struct json_document *, json_document_free)

static int compile(struct extraction *extraction, const struct save *save, struct failure *failure)
{
	const char *text = save->expression;
	int r = 0;

	*extraction = (struct extraction){.slot = save->slot, .expression = text};
	if (strncmp(text, "json:", 5) == 0) {
		extraction->kind = EXTRACTION_JSON;
		r = json_path_compile(text + 5, failure, &extraction->path);
	} else if (strncmp(text, "header:", 7) == 0 && text[7]) {
		extraction->kind = EXTRACTION_HEADER;
		extraction->header = text + 7;
	} else {
		r = failure_set(failure, -EINVAL, "\"%s\" is neither json:PATH nor header:NAME", text);
	}
	if (r < 0 && failure) {
		failure->line = save->place.line;
		failure->column = save->place.column;
	}
	return r;
}

int answer_form_init(struct answer_form *form, const struct http_step *step, struct failure *failure)
{
	*form = (struct answer_form){.step = step};
	if (step->save_count == 0)
		return 0;
	form->extractions = calloc(step->save_count, sizeof(*form->extractions));
	if (!form->extractions)
		return failure_set(failure, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < step->save_count; i++) {
		int r = compile(&form->extractions[i], &step->saves[i], failure);

		form->extraction_count++;
		if (r < 0)
			return r;
		form->keeps_body |= form->extractions[i].kind == EXTRACTION_JSON;
		form->keeps_headers |= form->extractions[i].kind == EXTRACTION_HEADER;
	}
	return 0;
}

void answer_form_deinit(struct answer_form *form)
{
	for (uint32_t i = 0; i < form->extraction_count; i++)
		json_path_free(form->extractions[i].path);
	free(form->extractions);
	*form = (struct answer_form){0};
}

void answer_clear(struct answer *answer)
{
	buffer_clear(&answer->body);
	buffer_clear(&answer->headers);
	answer->body_too_large = 0;
}

void answer_deinit(struct answer *answer)
{
	buffer_deinit(&answer->body);
	buffer_deinit(&answer->headers);
	buffer_deinit(&answer->scratch);
}

void answer_header(struct answer *answer, const struct answer_form *form, const char *name, size_t name_size,
                   const char *value, size_t value_size)
{
	if (!form->keeps_headers)
		return;
	for (uint32_t i = 0; i < form->extraction_count; i++) {
		const char *wanted = form->extractions[i].header;

		if (!wanted || strncasecmp(wanted, name, name_size) != 0 || wanted[name_size])
			continue;
		buffer_append_u32(&answer->headers, i);
		buffer_append_u32(&answer->headers, (uint32_t)value_size);
		buffer_append(&answer->headers, value, value_size);
	}
}

void answer_body(struct answer *answer, const struct answer_form *form, const void *data, size_t size)
{
	if (!form->keeps_body || answer->body_too_large)
		return;
	if (size > LIMIT_HTTP_BODY_KEPT - answer->body.size) {
		answer->body_too_large = 1;
		buffer_clear(&answer->body);
		return;
	}
	buffer_append(&answer->body, data, size);
}

static _Bool status_is_listed(const struct status_check *check, int status)
{
	for (uint32_t i = 0; i < check->count; i++)
		if (status >= check->items[i].low && status <= check->items[i].high)
			return 1;
	return 0;
}

static enum error_class class_of(int status)
{
	if (status == 429)
		return ERROR_RATE_LIMITED;
	if (status == 401 || status == 403)
		return ERROR_AUTH;
	if (status >= 500)
		return ERROR_SERVER;
	return status >= 400 ? ERROR_CLIENT : ERROR_CHECK;
}

void answer_judge(const struct answer_form *form, int status, struct operation *operation)
{
	const struct status_check *check = &form->step->status;
	_Bool holds = check->count > 0 && status_is_listed(check, status);
	char code[16];

	if (check->count > 0)
		operation_sample(operation, METRIC_CHECKS, holds, check->name);
	if (holds || (check->count == 0 && status < 400))
		return;
	snprintf(code, sizeof(code), "%d", status);
	if (check->count > 0)
		operation_fail(operation, class_of(status), code, "the check \"%s\" does not hold", check->name);
	else
		operation_fail(operation, class_of(status), code, "HTTP status %d", status);
}

/* The last header of that name. */
static int extract_header(const struct answer *answer, uint32_t number, struct buffer *ret_value)
{
	struct reader reader = {.data = answer->headers.data, .size = answer->headers.size};
	const uint8_t *found = NULL;
	uint32_t found_size = 0;

	while (reader.at < reader.size) {
		uint32_t owner = reader_u32(&reader);
		uint32_t size = reader_u32(&reader);
		const uint8_t *value = reader_bytes(&reader, size);

		if (owner != number)
			continue;
		found = value;
		found_size = size;
	}
	return found ? buffer_append(ret_value, found, found_size) : -ENOENT;
}

static int missing(struct operation *operation, const struct extraction *extraction, const char *why)
{
	operation_fail(operation, ERROR_DATA, "SAVE", "%s, which leaves %s unset", why, extraction->expression);
	return -ENOENT;
}

/* The value into answer->scratch. 0, -ENOMEM or -ENOENT: then the operation has failed. `document` is parsed when it is
 * first needed. */
static int extract_one(struct answer *answer, const struct answer_form *form, uint32_t number,
                       struct json_document **document, struct operation *operation)
{
	const struct extraction *extraction = &form->extractions[number];
	int r;

	buffer_clear(&answer->scratch);
	if (extraction->kind == EXTRACTION_HEADER) {
		r = extract_header(answer, number, &answer->scratch);
		return r == -ENOENT ? missing(operation, extraction, "the answer has no such header") : r;
	}
	if (answer->body_too_large)
		return missing(operation, extraction, "the answer is too large");
	if (!*document)
		*document = json_document_parse(answer->body.data, answer->body.size);
	if (!*document)
		return missing(operation, extraction, "the answer is no JSON");
	r = json_path_extract(extraction->path, *document, &answer->scratch);
	return r == -ENOENT ? missing(operation, extraction, "the answer has no such value") : r;
}

int answer_extract(struct answer *answer, const struct answer_form *form, const struct driver_config *config,
                   struct operation *operation)
{
	cleanup(json_document_freep) struct json_document *document = NULL;

	if (answer->body.failed || answer->headers.failed)
		return -ENOMEM;
	for (uint32_t i = 0; i < form->extraction_count; i++) {
		int r = extract_one(answer, form, i, &document, operation);

		if (r == -ENOENT)
			return 0;
		if (r == 0)
			r = config->save(config->context, operation, form->extractions[i].slot,
			                 buffer_text(&answer->scratch), answer->scratch.size);
		if (r < 0)
			return r;
	}
	return 0;
}
