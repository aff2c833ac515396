/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's process takes of its host. */
#include "agent/health.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/ports.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

enum { LINE_SIZE = 512, READINGS = 4 };

#define JUMP_LEAST_NS (10 * NS_PER_MS) /* two clocks aren't read at one instant */

struct health {
	char cgroup[PATH_MAX]; /* folder with cpu.stat; "": none */
	uint64_t throttled_at_start_ns;
	uint64_t stolen_at_start_ns;
	uint64_t suspended_at_start_ns;
	uint64_t descriptors;
	uint64_t ports;
	struct ports *ports_of_host;
};

/* The folder of our own cgroup (version 2) that has a cpu.stat, or the nearest above it. */
static void find_cgroup(char *ret_folder, size_t size)
{
	cleanup(cleanup_fclose) FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX];
	char probe[PATH_MAX + 32];

	ret_folder[0] = '\0';
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *path = line + 3;
		char *slash;

		if (strncmp(line, "0::", 3) != 0)
			continue;
		path[strcspn(path, "\n")] = '\0';
		for (;;) {
			snprintf(probe, sizeof(probe), "/sys/fs/cgroup%s/cpu.stat", strcmp(path, "/") == 0 ? "" : path);
			if (access(probe, R_OK) == 0) {
				probe[strlen(probe) - strlen("/cpu.stat")] = '\0';
				snprintf(ret_folder, size, "%.*s", (int)size - 1, probe);
				return;
			}
			slash = strrchr(path, '/');
			if (!slash)
				return;
			*slash = '\0';
		}
	}
}

static uint64_t read_throttled_ns(const char *folder)
{
	char path[PATH_MAX + 16];
	char line[LINE_SIZE];
	uint64_t us;

	snprintf(path, sizeof(path), "%s/cpu.stat", folder);
	cleanup(cleanup_fclose) FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "throttled_usec %" SCNu64, &us) == 1)
			return us * NS_PER_US;
	}
	return 0;
}

uint64_t health_parse_steal_ns(const char *line)
{
	uint64_t ticks;
	long per_s = sysconf(_SC_CLK_TCK);

	/* user nice system idle iowait irq softirq steal; kernels before 2.6.11 have fewer. */
	if (per_s <= 0 || sscanf(line, "cpu %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &ticks) != 1)
		return 0;
	return ticks * (NS_PER_S / (uint64_t)per_s);
}

/* The first line is the sum of all processors. */
static uint64_t read_stolen_ns(void)
{
	cleanup(cleanup_fclose) FILE *file = fopen("/proc/stat", "re");
	char line[LINE_SIZE];

	return file && fgets(line, sizeof(line), file) ? health_parse_steal_ns(line) : 0;
}

static uint64_t read_clock_ns(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* How long the host was suspended since it booted, give or take an offset that stays: that time alone passes on one of
 * these clocks and not on the other. Of several readings the one that was the least held up. */
static uint64_t suspended_ns(void)
{
	uint64_t least_ns = CLOCK_NEVER, difference_ns = 0;

	for (int i = 0; i < READINGS; i++) {
		uint64_t before_ns = clock_now_ns();
		uint64_t boot_ns = read_clock_ns(CLOCK_BOOTTIME);
		uint64_t took_ns = clock_now_ns() - before_ns;

		if (took_ns >= least_ns)
			continue;
		least_ns = took_ns;
		difference_ns = boot_ns - before_ns;
	}
	return difference_ns;
}

struct health *health_new(void)
{
	struct health *health = calloc(1, sizeof(*health));

	if (!health)
		return NULL;
	health->ports_of_host = ports_new();
	if (!health->ports_of_host)
		return health_free(health);
	find_cgroup(health->cgroup, sizeof(health->cgroup));
	health_start(health);
	return health;
}

struct health *health_free(struct health *health)
{
	if (!health)
		return NULL;
	ports_free(health->ports_of_host);
	free(health);
	return NULL;
}

void health_start(struct health *health)
{
	health->throttled_at_start_ns = health->cgroup[0] ? read_throttled_ns(health->cgroup) : 0;
	health->stolen_at_start_ns = read_stolen_ns();
	health->suspended_at_start_ns = suspended_ns();
	health->descriptors = 0;
	health->ports = 0;
}

static uint64_t count_descriptors(void)
{
	struct stat about;
	uint64_t count = 0;
	DIR *folder;

	/* Since Linux 6.2 the folder's size is the number. */
	if (stat("/proc/self/fd", &about) == 0 && about.st_size > 0)
		return (uint64_t)about.st_size;
	folder = opendir("/proc/self/fd");
	if (!folder)
		return 0;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count - 1; /* the folder's own */
}

static uint64_t highest(uint64_t *seen, uint64_t now)
{
	if (now > *seen)
		*seen = now;
	return *seen;
}

/* 0 where the later one is missing. */
static uint64_t since(uint64_t start, uint64_t now)
{
	return now > start ? now - start : 0;
}

static uint64_t jumped_ns(uint64_t start, uint64_t now)
{
	int64_t grown = (int64_t)(now - start);

	return grown > (int64_t)JUMP_LEAST_NS ? (uint64_t)grown : 0;
}

void health_sample(struct health *health, uint64_t cpu_at_start_ns, struct wire_health *ret_health)
{
	struct rusage usage;
	struct rlimit limit;
	uint64_t cpu_ns = clock_process_cpu_ns();

	*ret_health = (struct wire_health){0};
	ret_health->cpu_ns = since(cpu_at_start_ns, cpu_ns);
	if (health->cgroup[0])
		ret_health->throttled_ns = since(health->throttled_at_start_ns, read_throttled_ns(health->cgroup));
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		ret_health->max_rss_kib = (uint64_t)usage.ru_maxrss;
	ret_health->descriptors = highest(&health->descriptors, count_descriptors());
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret_health->descriptor_limit = limit.rlim_cur;
	ret_health->ports = highest(&health->ports, ports_in_use(health->ports_of_host, clock_now_ns()));
	ret_health->port_limit = ports_limit(health->ports_of_host);
	ret_health->steal_ns = since(health->stolen_at_start_ns, read_stolen_ns());
	ret_health->jump_ns = jumped_ns(health->suspended_at_start_ns, suspended_ns());
}

double health_cpu_quota(void)
{
	char folder[PATH_MAX];
	char path[PATH_MAX + 16];
	double quota;
	double period;

	find_cgroup(folder, sizeof(folder));
	if (!folder[0])
		return 0;
	snprintf(path, sizeof(path), "%s/cpu.max", folder);
	cleanup(cleanup_fclose) FILE *file = fopen(path, "re");

	/* "max" is no number: no limit. */
	if (!file || fscanf(file, "%lf %lf", &quota, &period) != 2 || period <= 0)
		return 0;
	return quota / period;
}
