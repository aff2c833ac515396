/* SPDX-License-Identifier: Apache-2.0 */
/* What every driver says of an operation in the same words. */
#include "agent/drivers/driver.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void operation_fail(struct operation *operation, enum error_class class, const char *code, const char *format, ...)
{
	va_list arguments;

	assert(class != ERROR_NONE && class < ERROR_CLASS_COUNT);
	operation->error = class;
	snprintf(operation->error_code, sizeof(operation->error_code), "%s", code);
	va_start(arguments, format);
	vsnprintf(operation->error_text, sizeof(operation->error_text), format, arguments);
	va_end(arguments);
}

void operation_sample(struct operation *operation, enum metric_id metric, uint64_t value, const char *label)
{
	assert(operation->sample_count < OPERATION_SAMPLES_MAX);
	operation->samples[operation->sample_count++] =
	        (struct operation_sample){.metric = metric, .value = value, .label = label};
}
