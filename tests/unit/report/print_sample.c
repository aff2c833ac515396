/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a sample report: print_sample minutes|hours|healthy|empty FILE_NAME|text [colour]. For looking at it, and for
 * tests that hand it to other programs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/sample_report.h"

static struct report *make(const char *what)
{
	static const struct sample_config healthy = {
	        .seconds = 60, .warmup_s = 5, .groups = 12, .scale = 0.5, .healthy = 1};

	if (strcmp(what, "minutes") == 0)
		return sample_report_new(&sample_minutes);
	if (strcmp(what, "hours") == 0)
		return sample_report_new(&sample_hours);
	if (strcmp(what, "healthy") == 0)
		return sample_report_new(&healthy);
	return strcmp(what, "empty") == 0 ? report_new() : NULL;
}

static enum report_format find_format(const char *name)
{
	int format = REPORT_TEXT + 1;

	while (format < REPORT_FORMAT_COUNT && strcmp(report_file_name((enum report_format)format), name) != 0)
		format++;
	return format < REPORT_FORMAT_COUNT ? (enum report_format)format : REPORT_TEXT;
}

int main(int argc, char **argv)
{
	cleanup_buffer struct buffer buffer = {0};
	struct report_style style = {.colour = argc > 3, .run_folder = "runs/20260703-000000-stock-pipeline"};
	struct report *report = argc > 2 ? make(argv[1]) : NULL;
	int r;

	if (!report) {
		fprintf(stderr, "print_sample minutes|hours|healthy|empty FILE_NAME|text [colour]\n");
		return 2;
	}
	r = report_write(report, find_format(argv[2]), &style, &buffer);
	report_free(report);
	if (r < 0 || fwrite(buffer.data, 1, buffer.size, stdout) != buffer.size)
		return 1;
	return 0;
}
