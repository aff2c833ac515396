/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that a run writes into. */
#include "coordinator/run_folder.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "coordinator/report/report.h"

enum { NAME_MAX_BYTES = 60, TRIES = 1000 };

/* The plan's name as a part of a path: other ASCII than letters and digits becomes '-'. */
static void path_name(const char *name, char ret_name[NAME_MAX_BYTES])
{
	size_t length = 0;

	for (; *name && length < NAME_MAX_BYTES - 5; name++) {
		unsigned char byte = (unsigned char)*name;

		if (isalnum(byte) || byte >= 0x80)
			ret_name[length++] = (char)byte;
		else if (length && ret_name[length - 1] != '-')
			ret_name[length++] = '-';
	}
	/* a cut may have gone through a character */
	while (length && *name && ((unsigned char)ret_name[length - 1] & 0x80))
		length--;
	while (length && ret_name[length - 1] == '-')
		length--;
	ret_name[length] = '\0';
}

/* A run replaces files in its folder, so a folder that has one of them already is refused: it may be another run, or
 * somebody's plan. */
static int check_free(const char *wanted, struct failure *failure)
{
	const char *names[REPORT_FORMAT_COUNT + 3] = {"journal", "run.log", "plan.yaml"};
	size_t count = 3;

	for (int format = 0; format < REPORT_FORMAT_COUNT; format++)
		if (report_file_name((enum report_format)format))
			names[count++] = report_file_name((enum report_format)format);
	for (size_t i = 0; i < count; i++) {
		char *path cleanup(cleanup_free) = file_join(wanted, names[i]);

		if (!path)
			return failure_set(failure, -ENOMEM, "no memory");
		if (access(path, F_OK) != 0)
			continue;
		if (i == 0)
			return failure_set(failure, -EEXIST, "%s holds a run already; choose another folder with -o",
			                   wanted);
		return failure_set(failure, -EEXIST,
		                   "%s has a file %s, which the run would replace; choose another "
		                   "folder with -o",
		                   wanted, names[i]);
	}
	return 0;
}

static int take_wanted(const char *wanted, struct failure *failure, char **ret_path)
{
	int r = check_free(wanted, failure);

	if (r == 0)
		r = file_make_folder(wanted, failure);
	if (r < 0)
		return r;
	if (access(wanted, W_OK | X_OK) < 0)
		return failure_set(failure, -errno, "can't write into the folder %s: %s", wanted, strerror(errno));
	*ret_path = strdup(wanted);
	return *ret_path ? 0 : failure_set(failure, -ENOMEM, "no memory");
}

int run_folder_make(const char *wanted, const char *plan_name, struct failure *failure, char **ret_path)
{
	char stamp[32], name[NAME_MAX_BYTES];
	time_t now = time(NULL);
	struct tm local;
	int r;

	if (wanted)
		return take_wanted(wanted, failure, ret_path);
	r = file_make_folder("runs", failure);
	if (r < 0)
		return r;
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime_r(&now, &local));
	path_name(plan_name, name);
	for (unsigned suffix = 1; suffix <= TRIES; suffix++) {
		char *path = NULL;
		int length = suffix == 1 ? asprintf(&path, "runs/%s%s%s", stamp, *name ? "-" : "", name)
		                         : asprintf(&path, "runs/%s%s%s-%u", stamp, *name ? "-" : "", name, suffix);

		if (length < 0)
			return failure_set(failure, -ENOMEM, "no memory");
		if (mkdir(path, 0755) == 0) {
			*ret_path = path;
			return 0;
		}
		r = -errno;
		failure_set(failure, r, "can't make the folder %s: %s", path, strerror(errno));
		free(path);
		if (r != -EEXIST)
			return r;
	}
	return r;
}
