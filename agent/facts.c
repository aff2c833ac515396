/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent says of itself and its host. */
#include "agent/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/health.h"
#include "common/base/cleanup.h"

enum { LIMITS = 3, TEXT_SIZE = 256, VERSION_SIZE = 64 };

uint32_t facts_cores(void)
{
	cpu_set_t set;
	long online;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return (uint32_t)CPU_COUNT(&set);
	/* More processors than the set has room for. */
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (uint32_t)online : 1;
}

static char *read_cpu_model(void)
{
	cleanup(cleanup_fclose) FILE *file = fopen("/proc/cpuinfo", "re");
	char line[TEXT_SIZE];

	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", strlen("model name")) != 0 || !value)
			continue;
		value += 1 + strspn(value + 1, " \t");
		value[strcspn(value, "\n")] = '\0';
		return strdup(value);
	}
	return strdup("");
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *pattern, ...)
{
	char *text;
	va_list arguments;
	int r;

	va_start(arguments, pattern);
	r = vasprintf(&text, pattern, arguments);
	va_end(arguments);
	return r < 0 ? NULL : text;
}

static char *describe_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return strdup("");
	return limit.rlim_cur == RLIM_INFINITY ? strdup("unlimited") : format("%" PRIu64, (uint64_t)limit.rlim_cur);
}

static char *describe_quota(void)
{
	double quota = health_cpu_quota();

	return quota > 0 ? format("%.2f", quota) : strdup("none");
}

static char *describe_ports(void)
{
	cleanup(cleanup_fclose) FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned low;
	unsigned high;

	return file && fscanf(file, "%u %u", &low, &high) == 2 ? format("%u-%u", low, high) : strdup("");
}

static int set_limits(struct message_hello *hello)
{
	hello->limits = calloc(LIMITS, sizeof(*hello->limits));
	if (!hello->limits)
		return -ENOMEM;
	hello->limit_count = LIMITS;
	hello->limits[0] = (struct text_pair){.name = strdup("nofile"), .value = describe_descriptors()};
	hello->limits[1] = (struct text_pair){.name = strdup("cpu_quota"), .value = describe_quota()};
	hello->limits[2] = (struct text_pair){.name = strdup("local_ports"), .value = describe_ports()};
	return 0;
}

static int set_libraries(struct message_hello *hello, const struct driver_ops *const *table)
{
	hello->libraries = calloc(TARGET_KIND_COUNT, sizeof(*hello->libraries));
	if (!hello->libraries)
		return -ENOMEM;
	for (int i = 0; i < TARGET_KIND_COUNT; i++) {
		char version[VERSION_SIZE];

		if (!table[i] || i == TARGET_NULL)
			continue;
		table[i]->library_version(version, sizeof(version));
		hello->libraries[hello->library_count++] = (struct text_pair){
		        .name = strdup(table[i]->library),
		        .value = strdup(version),
		};
	}
	return 0;
}

static int set_tags(struct message_hello *hello, const struct facts_config *config)
{
	hello->tags = calloc(config->tag_count + 1, sizeof(*hello->tags));
	if (!hello->tags)
		return -ENOMEM;
	hello->tag_count = config->tag_count;
	for (uint32_t i = 0; i < config->tag_count; i++)
		hello->tags[i] = (struct text_pair){.name = strdup(config->tags[i].name),
		                                    .value = strdup(config->tags[i].value)};
	return 0;
}

static _Bool pairs_complete(const struct text_pair *pairs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!pairs[i].name || !pairs[i].value)
			return 0;
	}
	return 1;
}

static _Bool is_complete(const struct message_hello *hello)
{
	return hello->version && hello->name && hello->host && hello->cpu && hello->kernel &&
	       pairs_complete(hello->limits, hello->limit_count) &&
	       pairs_complete(hello->libraries, hello->library_count) && pairs_complete(hello->tags, hello->tag_count);
}

static void set_texts(struct message_hello *hello, const struct facts_config *config)
{
	struct utsname about = {0};

	uname(&about);
	hello->version = strdup(config->version);
	hello->name = strdup(config->name ? config->name : about.nodename);
	hello->host = strdup(about.nodename);
	hello->cpu = read_cpu_model();
	hello->kernel = format("%s %s", about.sysname, about.release);
}

int facts_gather(const struct facts_config *config, struct message_hello *ret_hello)
{
	struct message_hello hello = {
	        .protocol = PROTOCOL_VERSION,
	        .cores = facts_cores(),
	        .workers = config->workers ? config->workers : facts_cores(),
	        .weight = config->weight,
	        .memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
	        .pid = (uint64_t)getpid(),
	};
	int r;

	set_texts(&hello, config);
	r = set_limits(&hello);
	if (r == 0)
		r = set_libraries(&hello, config->drivers);
	if (r == 0)
		r = set_tags(&hello, config);
	if (r == 0 && !is_complete(&hello))
		r = -ENOMEM;
	if (r < 0) {
		facts_deinit(&hello);
		return r;
	}
	*ret_hello = hello;
	return 0;
}

static void free_pairs(struct text_pair *pairs, uint32_t count)
{
	for (uint32_t i = 0; pairs && i < count; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

void facts_deinit(struct message_hello *hello)
{
	free(hello->version);
	free(hello->name);
	free(hello->host);
	free(hello->cpu);
	free(hello->kernel);
	free_pairs(hello->limits, hello->limit_count);
	free_pairs(hello->libraries, hello->library_count);
	free_pairs(hello->tags, hello->tag_count);
	*hello = (struct message_hello){0};
}
