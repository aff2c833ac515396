/* SPDX-License-Identifier: Apache-2.0 */
/* How late a bare epoll loop wakes: the machine's own share of send lateness. Arguments: wake-ups a second, seconds.
 * Prints the lateness at p50, p99 and max in us. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/stats/histogram.h"

/* Waits until the deadline and no longer. */
static void wait_until(int epoll_fd, uint64_t deadline_ns)
{
	uint64_t now_ns;

	while ((now_ns = clock_now_ns()) < deadline_ns) {
		uint64_t left_ns = deadline_ns - now_ns;
		struct timespec timeout = {.tv_sec = (time_t)(left_ns / NS_PER_S),
		                           .tv_nsec = (long)(left_ns % NS_PER_S)};
		struct epoll_event event;

		epoll_pwait2(epoll_fd, &event, 1, &timeout, NULL);
	}
}

int main(int argc, char **argv)
{
	struct histogram *lateness = histogram_new();
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	uint64_t rate = 0, seconds = 0;

	if (argc != 3 || units_parse_count(argv[1], &rate) < 0 || units_parse_count(argv[2], &seconds) < 0 || !rate ||
	    seconds > 600 || !lateness || epoll_fd < 0) {
		fprintf(stderr, "usage: bare_loop WAKEUPS_A_SECOND SECONDS\n");
		return 1;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	uint64_t start_ns = clock_now_ns() + NS_PER_MS;

	for (uint64_t k = 0; k < rate * seconds; k++) {
		uint64_t due_ns = start_ns + k * NS_PER_S / rate;

		wait_until(epoll_fd, due_ns);
		if (histogram_record(lateness, (clock_now_ns() - due_ns) / NS_PER_US, 1) < 0)
			return 1;
	}
	printf("%llu %llu %llu\n", (unsigned long long)histogram_percentile_us(lateness, 50),
	       (unsigned long long)histogram_percentile_us(lateness, 99),
	       (unsigned long long)histogram_max_us(lateness));
	histogram_free(lateness);
	close(epoll_fd);
	return 0;
}
