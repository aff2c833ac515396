/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in words, and lists of it. */
#include "common/base/failure.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

/* Cuts at a character's start, so that the text stays UTF-8. */
static void mark_cut(char *text, size_t size)
{
	static const char mark[] = "...";
	size_t at = size - sizeof(mark);

	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	memcpy(text + at, mark, sizeof(mark));
}

static void fill(struct failure *failure, int code, const char *file, int line, int column, const char *format,
                 va_list arguments) __attribute__((format(printf, 6, 0)));

static void fill(struct failure *failure, int code, const char *file, int line, int column, const char *format,
                 va_list arguments)
{
	char text[FAILURE_TEXT_MAX];
	/* `file` and the arguments may point into *failure itself, so it is written last. */
	char place[FAILURE_FILE_MAX] = "";
	int length = vsnprintf(text, sizeof(text), format, arguments);

	if (length < 0)
		text[0] = '\0';
	if (length >= (int)sizeof(text))
		mark_cut(text, sizeof(text));
	if (file && snprintf(place, sizeof(place), "%s", file) >= (int)sizeof(place))
		mark_cut(place, sizeof(place));
	*failure = (struct failure){.code = code, .line = line, .column = column};
	memcpy(failure->text, text, strlen(text) + 1);
	memcpy(failure->file, place, strlen(place) + 1);
}

int failure_set(struct failure *failure, int code, const char *format, ...)
{
	va_list arguments;

	assert(code < 0);
	if (!failure)
		return code;
	va_start(arguments, format);
	fill(failure, code, NULL, 0, 0, format, arguments);
	va_end(arguments);
	return code;
}

int failure_set_at(struct failure *failure, int code, const char *file, int line, int column, const char *format, ...)
{
	va_list arguments;

	assert(code < 0);
	if (!failure)
		return code;
	va_start(arguments, format);
	fill(failure, code, file, line, column, format, arguments);
	va_end(arguments);
	return code;
}

size_t failure_format(const struct failure *failure, char *buffer, size_t size)
{
	char place[32] = "";
	int length;

	if (failure->line > 0 && failure->column > 0)
		snprintf(place, sizeof(place), "%d:%d", failure->line, failure->column);
	else if (failure->line > 0)
		snprintf(place, sizeof(place), "%d", failure->line);
	length = snprintf(buffer, size, "%s%s%s%s%s", failure->file, failure->file[0] && place[0] ? ":" : "", place,
	                  failure->file[0] || place[0] ? ": " : "", failure->text);
	return length < 0 ? 0 : (size_t)length;
}

void failures_add(struct failures *failures, const struct failure *failure)
{
	if (failures->count >= FAILURES_MAX ||
	    array_reserve(&failures->items, &failures->capacity, failures->count, sizeof(*failures->items)) < 0) {
		failures->left_out++;
		return;
	}
	failures->items[failures->count++] = *failure;
}

void failures_add_at(struct failures *failures, const char *file, int line, int column, const char *format, ...)
{
	struct failure failure;
	va_list arguments;

	va_start(arguments, format);
	fill(&failure, -EINVAL, file, line, column, format, arguments);
	va_end(arguments);
	failures_add(failures, &failure);
}

static int compare_places(const struct failure *a, const struct failure *b)
{
	int order = strcmp(a->file, b->file);

	if (order != 0)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->column > b->column) - (a->column < b->column);
}

/* An insertion sort: stable, and the list is short (FAILURES_MAX). */
void failures_sort(struct failures *failures)
{
	for (size_t i = 1; i < failures->count; i++) {
		struct failure moved = failures->items[i];
		size_t at = i;

		while (at > 0 && compare_places(&failures->items[at - 1], &moved) > 0)
			at--;
		memmove(&failures->items[at + 1], &failures->items[at], (i - at) * sizeof(moved));
		failures->items[at] = moved;
	}
}

void failures_deinit(struct failures *failures)
{
	free(failures->items);
	*failures = (struct failures){0};
}
