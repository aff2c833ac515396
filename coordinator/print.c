/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands print for people. */
#include "coordinator/print.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "coordinator/replay/replay.h"

_Bool print_terminal(FILE *file)
{
	return isatty(fileno(file));
}

_Bool print_colours(FILE *file)
{
	const char *no_color = getenv("NO_COLOR");

	return print_terminal(file) && !(no_color && *no_color);
}

void print_failure(const struct failure *failure)
{
	char text[FAILURE_TEXT_MAX + FAILURE_FILE_MAX + 32];

	failure_format(failure, text, sizeof(text));
	fprintf(stderr, "%s%s\n", failure->file[0] ? "" : "stampede: ", text);
}

void print_notice(const char *text)
{
	fputs("stampede: ", stderr);
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
	fputc('\n', stderr);
}

void print_failures(const struct failures *failures, const char *label)
{
	char text[FAILURE_TEXT_MAX + FAILURE_FILE_MAX + 32];

	for (size_t i = 0; i < failures->count; i++) {
		failure_format(&failures->items[i], text, sizeof(text));
		fprintf(stderr, "%s%s%s\n", failures->items[i].file[0] ? "" : "stampede: ", label, text);
	}
	if (failures->left_out)
		fprintf(stderr, "stampede: %sand %zu more\n", label, failures->left_out);
}

int print_report_and_files(const struct report *report, const char *run_folder, const char *trend, _Bool no_colour,
                           struct failure *failure)
{
	struct buffer buffer cleanup(buffer_deinit) = {0};
	struct report_style style = {
	        .colour = !no_colour && print_colours(stdout), .trend = trend, .run_folder = run_folder};
	int r = replay_write_files(report, run_folder, failure);

	int text_r = report_write(report, REPORT_TEXT, &style, &buffer);

	if (text_r < 0)
		return failure_set(failure, text_r, "no memory for the report");
	fwrite(buffer.data, 1, buffer.size, stdout);
	return r;
}
