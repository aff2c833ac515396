/* SPDX-License-Identifier: Apache-2.0 */
/* Reads any bytes as a plan, without rows and files. What is taken must read back the same after writing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what, const struct failures *failures, struct buffer *text)
{
	fprintf(stderr, "%s\n", what);
	for (size_t i = 0; i < failures->count; i++)
		fprintf(stderr, "%d:%d: %s\n", failures->items[i].line, failures->items[i].column,
		        failures->items[i].text);
	fprintf(stderr, "%s\n", buffer_text(text));
	abort();
}

static void check_written(const struct plan *plan)
{
	struct failures failures = {0};
	struct buffer one = {0}, other = {0};
	struct plan *again = NULL;
	if (plan_write(plan, &one) < 0 || plan_parse(one.data, one.size, NULL, 0, &failures, &again) < 0)
		die("a plan that was taken is refused once it is written", &failures, &one);
	if (plan_write(again, &other) < 0 || one.size != other.size || memcmp(one.data, other.data, one.size) != 0)
		die("a plan changes when it is read and written again", &failures, &one);
	buffer_deinit(&one);
	buffer_deinit(&other);
	failures_deinit(&failures);
	plan_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failures failures = {0};
	struct plan *plan = NULL;
	int r = plan_parse(data, size, NULL, 0, &failures, &plan);
	if ((r == 0) != (plan != NULL) || (r < 0 && failures.count == 0))
		abort();
	if (r == 0)
		check_written(plan);
	failures_deinit(&failures);
	plan_free(plan);
	return 0;
}
