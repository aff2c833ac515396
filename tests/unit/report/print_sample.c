/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a sample report: print_sample minutes|hours|healthy|hostile|empty FILE_NAME|text [colour]. For looking at it,
 * and for tests that hand it to other programs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/sample_report.h"

/* Names that mean something to each of the formats. */
static struct report *make_hostile(void)
{
	static const struct sample_config config = {.seconds = 20, .groups = 4, .scale = 0.1};
	struct report *report = sample_report_new(&config);

	if (!report)
		return NULL;
	report->name = report_copy(report, "<b>&\"'</title></script>|`*_\x01\xff");
	for (uint32_t i = 0; i < report->row_count; i++) {
		struct report_row *row = &report->rows[i];

		if (strcmp(row->step, "signals") == 0)
			row->step = "50% of, all|signals\t=1+1";
		if (strcmp(row->scenario, "users") == 0)
			row->scenario = "the users 사용자, all";
		if (strcmp(row->group, "000660 SK하이닉스") == 0)
			row->group = "returned\rcarriage";
		if (strcmp(row->group, "035420 NAVER") == 0)
			row->group = "of two\nlines";
		if (strcmp(row->group, "005930 삼성전자") == 0)
			row->group = "a \"quoted\", name\r\nof two lines";
	}
	for (uint32_t i = 0; i < report->error_count; i++)
		report->errors[i].text = report_copy(report, "<script>alert(1)</script> ]]> | \x02 --");
	return report;
}

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
	if (strcmp(what, "hostile") == 0)
		return make_hostile();
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
		fprintf(stderr, "print_sample minutes|hours|healthy|hostile|empty FILE_NAME|text [colour]\n");
		return 2;
	}
	r = report_write(report, find_format(argv[2]), &style, &buffer);
	report_free(report);
	if (r < 0 || fwrite(buffer.data, 1, buffer.size, stdout) != buffer.size)
		return 1;
	return 0;
}
