/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, sizes and numbers as people write them: the writing side. */
#include "common/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

enum { DURATION_TEXT_MAX = 64 };

/* Below a minute one unit, with a fraction where needed: "1.5s", "250ms", "12.345us". */
static void format_seconds(uint64_t ns, char *ret_text, size_t size)
{
	static const struct {
		const char *name;
		uint64_t scale;
		int digits;
	} units[] = {{"s", NS_PER_S, 9}, {"ms", NS_PER_MS, 6}, {"us", NS_PER_US, 3}, {"ns", 1, 0}};
	char fraction[16];
	size_t unit = 0;
	size_t length;

	while (ns < units[unit].scale)
		unit++;
	snprintf(fraction, sizeof(fraction), ".%0*" PRIu64, units[unit].digits, ns % units[unit].scale);
	length = strlen(fraction);
	while (length > 0 && (fraction[length - 1] == '0' || fraction[length - 1] == '.'))
		fraction[--length] = '\0';
	snprintf(ret_text, size, "%" PRIu64 "%s%s", ns / units[unit].scale, fraction, units[unit].name);
}

char *units_format_duration(uint64_t ns, char *buffer, size_t size)
{
	static const struct {
		char name;
		uint64_t scale;
	} units[] = {{'d', 24 * 3600 * NS_PER_S}, {'h', 3600 * NS_PER_S}, {'m', 60 * NS_PER_S}};
	char text[DURATION_TEXT_MAX] = "";
	size_t length = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns >= units[i].scale)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%" PRIu64 "%c",
			                           ns / units[i].scale, units[i].name);
		ns %= units[i].scale;
	}
	if (ns > 0)
		format_seconds(ns, text + length, sizeof(text) - length);
	else if (length == 0)
		snprintf(text, sizeof(text), "0s");
	snprintf(buffer, size, "%s", text);
	return buffer;
}

char *units_format_size(uint64_t bytes, char *buffer, size_t size)
{
	static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;
	char number[32];
	size_t length;

	if (bytes < 1024) {
		snprintf(buffer, size, "%" PRIu64 " B", bytes);
		return buffer;
	}
	/* 1023.95 would be printed as 1024.0. */
	while (value >= 1023.95 && unit + 1 < sizeof(names) / sizeof(names[0])) {
		value /= 1024;
		unit++;
	}
	length = (size_t)snprintf(number, sizeof(number), "%.1f", value);
	if (number[length - 1] == '0')
		number[length - 2] = '\0';
	snprintf(buffer, size, "%s %s", number, names[unit]);
	return buffer;
}

char *units_format_count(uint64_t count, char *buffer, size_t size)
{
	char digits[32];
	char text[48];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	size_t at = 0;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	snprintf(buffer, size, "%s", text);
	return buffer;
}
