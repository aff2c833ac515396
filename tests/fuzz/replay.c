/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds every file of the named folders (or single files) to a fuzz target once: a plain test, without libFuzzer. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns 0 or 1 as an exit code; a target that finds a fault aborts. */
static int replay_file(const char *path, size_t size)
{
	/* Exactly as large as the input, so that a sanitizer sees the first byte read past its end. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *file = fopen(path, "rb");
	int result = 1;

	if (!data || !file || fread(data, 1, size, file) != size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	} else {
		fprintf(stderr, "%s (%zu bytes)\n", path, size);
		LLVMFuzzerTestOneInput(data, size);
		result = 0;
	}
	if (file)
		fclose(file);
	free(data);
	return result;
}

static int replay_path(const char *path, unsigned *inputs);

static int replay_folder(const char *path, unsigned *inputs)
{
	struct dirent **entries;
	int result = 0, count = scandir(path, &entries, NULL, alphasort);

	if (count < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char *child;

		if (entries[i]->d_name[0] != '.' && asprintf(&child, "%s/%s", path, entries[i]->d_name) >= 0) {
			result |= replay_path(child, inputs);
			free(child);
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

static int replay_path(const char *path, unsigned *inputs)
{
	struct stat status;

	if (stat(path, &status) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	if (S_ISDIR(status.st_mode))
		return replay_folder(path, inputs);
	(*inputs)++;
	return replay_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
	unsigned inputs = 0;
	int result = 0;

	for (int i = 1; i < argc; i++)
		result |= replay_path(argv[i], &inputs);
	if (inputs == 0) {
		fprintf(stderr, "usage: %s FOLDER|FILE... (at least one input)\n", argv[0]);
		return 1;
	}
	fprintf(stderr, "%u inputs replayed\n", inputs);
	return result;
}
