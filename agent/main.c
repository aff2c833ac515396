/* SPDX-License-Identifier: Apache-2.0 */
/* stampede-agent: makes load for a coordinator, run after run. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/drivers/driver.h"
#include "agent/facts.h"
#include "agent/options.h"
#include "common/base/cleanup.h"
#include "common/base/exit_code.h"
#include "common/base/log.h"

/* Every VU may hold a connection. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* SIGTERM and SIGINT come by a descriptor; before any thread is started, so that none gets them otherwise. */
static int watch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int say(const struct failure *failure)
{
	char text[FAILURE_TEXT_MAX + FAILURE_FILE_MAX];

	failure_format(failure, text, sizeof(text));
	fprintf(stderr, "stampede-agent: %s\n", text);
	return failure->code == -EINVAL || failure->code == -EPERM ? EXIT_CODE_BAD_PLAN : EXIT_CODE_FAULT;
}

static int read_keys(const struct options *options, struct failure *failure, struct link_keys *keys)
{
	cleanup(key_pair_wipe) struct key_pair server = {0};
	int r = key_read(options->key, 1, failure, &keys->own);

	if (r == 0)
		r = key_read(options->server_key, 0, failure, &server);
	if (r == 0)
		memcpy(keys->server_key, server.public_key, KEY_SIZE);
	if (r < 0)
		failure->code = -EINVAL; /* whatever is wrong with the files, the user gave them */
	return r < 0 ? -EINVAL : 0;
}

static int run(const struct options *options, struct log *log, const struct message_hello *hello,
               struct failure *failure)
{
	cleanup(link_keys_deinit) struct link_keys keys = {0};
	cleanup(cleanup_close) int signals = watch_signals();
	const struct agent_config config = {
	        .addresses = options->addresses,
	        .address_count = options->address_count,
	        .insecure = options->insecure,
	        .keys = options->key ? &keys : NULL,
	        .once = options->once,
	        .workers = hello->workers,
	        .orphan_after_ns = options->orphan_after_ns,
	        .hello = hello,
	        .drivers = drivers,
	        .allowed = options->allowed,
	        .allowed_count = options->allowed_count,
	        .secrets_folder = getenv("STAMPEDE_SECRETS_DIR"),
	        .spool_folder = options->spool,
	        .log = log,
	        .signal_fd = signals,
	};

	int r = options->key ? read_keys(options, failure, &keys) : 0;

	return r < 0 ? r : agent_run(&config, failure);
}

static int serve(const struct options *options)
{
	const struct facts_config facts = {
	        .version = STAMPEDE_VERSION,
	        .name = options->name,
	        .workers = options->workers,
	        .weight = options->weight,
	        .tags = options->tags,
	        .tag_count = options->tag_count,
	        .drivers = drivers,
	};
	struct message_hello hello;
	struct failure failure = {0};
	struct log *log = NULL;
	int r;

	raise_descriptor_limit();
	r = log_open("stampede-agent", NULL, stderr, LOG_INFO, &log);
	if (r == 0)
		r = facts_gather(&facts, &hello);
	if (r < 0) {
		failure_set(&failure, r, "cannot start: %s", strerrordesc_np(-r));
	} else {
		r = run(options, log, &hello, &failure);
		facts_deinit(&hello);
	}
	log_close(log);
	if (r < 0)
		return say(&failure);
	return r == 0 ? EXIT_CODE_PASSED : EXIT_CODE_FAULT;
}

int main(int argc, char **argv)
{
	struct failure failure = {0};
	struct options options;
	int code = EXIT_CODE_PASSED;

	if (options_parse(&options, argc, argv, &failure) < 0) {
		code = say(&failure);
		fprintf(stderr, "See stampede-agent --help\n");
	} else if (options.help) {
		options_print_help(stdout);
	} else if (options.version) {
		printf("stampede-agent %s\n", STAMPEDE_VERSION);
	} else {
		code = serve(&options);
	}
	options_deinit(&options);
	return code;
}
