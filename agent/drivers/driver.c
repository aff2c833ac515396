/* SPDX-License-Identifier: Apache-2.0 */
/* What every driver says of an operation in the same words. */
#include "agent/drivers/driver.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

struct operation_words *operation_words(struct operation *operation)
{
	if (!operation->words)
		operation->words = calloc(1, sizeof(*operation->words));
	return operation->words;
}

void operation_fail(struct operation *operation, enum error_class class, const char *code, const char *format, ...)
{
	struct operation_words *words = operation_words(operation);
	va_list arguments;

	assert(class != ERROR_NONE && class < ERROR_CLASS_COUNT);
	operation->error = class;
	if (!words)
		return;
	snprintf(words->error_code, sizeof(words->error_code), "%s", code);
	va_start(arguments, format);
	vsnprintf(words->error_text, sizeof(words->error_text), format, arguments);
	va_end(arguments);
}

void operation_sample(struct operation *operation, enum metric_id metric, uint64_t value, const char *label)
{
	struct operation_words *words = operation_words(operation);

	if (!words)
		return;
	assert(words->sample_count < OPERATION_SAMPLES_MAX);
	words->samples[words->sample_count++] =
	        (struct operation_sample){.metric = metric, .value = value, .label = label};
}

int duty_work_value(struct duty_work *work, const char *name, const void *text, size_t size)
{
	struct duty_value value;

	if (array_reserve(&work->values, &work->value_capacity, work->value_count, sizeof(value)) < 0)
		return -ENOMEM;
	value = (struct duty_value){.name = strdup(name), .text = strndup(size > 0 ? text : "", size)};
	work->values[work->value_count++] = value;
	return value.name && value.text ? 0 : -ENOMEM;
}

int duty_work_reading(struct duty_work *work, enum metric_id metric, const char *label, double value)
{
	struct duty_reading reading = {.metric = metric, .value = value};

	if (array_reserve(&work->readings, &work->reading_capacity, work->reading_count, sizeof(reading)) < 0)
		return -ENOMEM;
	reading.label = strdup(label);
	work->readings[work->reading_count++] = reading;
	return reading.label ? 0 : -ENOMEM;
}

void duty_work_fail(struct duty_work *work, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(work->problem, sizeof(work->problem), format, arguments);
	va_end(arguments);
}

void duty_work_deinit(struct duty_work *work)
{
	for (size_t i = 0; i < work->value_count; i++) {
		free(work->values[i].name);
		free(work->values[i].text);
	}
	for (size_t i = 0; i < work->reading_count; i++)
		free(work->readings[i].label);
	free(work->values);
	free(work->readings);
	*work = (struct duty_work){0};
}
