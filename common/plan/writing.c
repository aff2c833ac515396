// SPDX-License-Identifier: Apache-2.0
// YAML of our own: block style, one key a line, a user's texts in double quotes.
#include "common/plan/writing.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

static void append_line_start(struct writing *writing)
{
	const int blanks = 2 * (writing->depth - (writing->item ? 1 : 0));
	buffer_append_format(writing->buffer, "%*s%s", blanks, "", writing->item ? "- " : "");
	writing->item = 0;
}

/* The code point at `at` and its bytes; a byte that is no UTF-8 cannot be in a plan. */
static unsigned decode(const char *at, size_t *ret_size)
{
	const unsigned char *byte = (const unsigned char *)at;
	size_t size = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	unsigned point = size == 1 ? byte[0] : byte[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80) {
			*ret_size = 1;
			return byte[0];
		}
		point = point << 6 | (byte[i] & 0x3fu);
	}
	*ret_size = size;
	return point;
}

/* Line breaks of YAML, control characters and what a reader may refuse as it stands. */
static _Bool must_escape(unsigned point)
{
	return point < ' ' || (point >= 0x7f && point <= 0xa0) || point == 0x2028 || point == 0x2029 ||
	       point == 0xfeff || point == 0xfffe || point == 0xffff;
}

/* In double quotes; "${" becomes "$${" where it would be replaced, which is in values. */
static void append_quoted(struct buffer *buffer, const char *text, _Bool value)
{
	buffer_append_byte(buffer, '"');
	for (size_t size; *text; text += size) {
		const unsigned point = decode(text, &size);
		if (value && text[0] == '$' && text[1] == '{')
			buffer_append_byte(buffer, '$');
		if (point == '"' || point == '\\')
			buffer_append_format(buffer, "\\%c", (int)point);
		else if (point == '\n')
			buffer_append_text(buffer, "\\n");
		else if (must_escape(point))
			buffer_append_format(buffer, "\\u%04x", point);
		else
			buffer_append(buffer, text, size);
	}
	buffer_append_byte(buffer, '"');
}

/* Letters that no YAML reader takes for anything but a text. */
static _Bool is_plain_key(const char *key)
{
	if (!isalpha((unsigned char)key[0]))
		return 0;
	return key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

static void append_key(struct writing *writing, const char *key)
{
	append_line_start(writing);
	if (is_plain_key(key))
		buffer_append_text(writing->buffer, key);
	else
		append_quoted(writing->buffer, key, 0);
	buffer_append_byte(writing->buffer, ':');
}

void writing_begin(struct writing *writing, const char *key)
{
	append_key(writing, key);
	buffer_append_byte(writing->buffer, '\n');
	writing->depth++;
}

void writing_end(struct writing *writing)
{
	writing->depth--;
}

void writing_item(struct writing *writing)
{
	writing->item = 1;
	writing->depth++;
}

void writing_item_end(struct writing *writing)
{
	writing->item = 0;
	writing->depth--;
}

void writing_raw(struct writing *writing, const char *key, const char *format, ...)
{
	char value[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	append_key(writing, key);
	buffer_append_format(writing->buffer, " %s\n", value);
}

void writing_text(struct writing *writing, const char *key, const char *text)
{
	append_key(writing, key);
	buffer_append_byte(writing->buffer, ' ');
	append_quoted(writing->buffer, text, 1);
	buffer_append_byte(writing->buffer, '\n');
}

void writing_element(struct writing *writing, const char *text)
{
	buffer_append_format(writing->buffer, "%*s- ", 2 * writing->depth, "");
	append_quoted(writing->buffer, text, 1);
	buffer_append_byte(writing->buffer, '\n');
}

const char *writing_format_duration(uint64_t ns, char *buffer, size_t size)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = {{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {NS_PER_US, "us"}, {1, "ns"}};
	size_t unit = 0;
	while (ns % units[unit].ns != 0)
		unit++;
	snprintf(buffer, size, "%llu%s", (unsigned long long)(ns / units[unit].ns), units[unit].unit);
	return buffer;
}

const char *writing_format_number(double number, char *buffer, size_t size)
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buffer, size, "%.*g", digits, number);
		if (strtod(buffer, NULL) == number)
			break;
	}
	return buffer;
}
