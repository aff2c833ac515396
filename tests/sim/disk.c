/* SPDX-License-Identifier: Apache-2.0 */
/* The disk behind an agent's spool. */
#include "tests/sim/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sim_disk {
	struct sim *sim;
	uint8_t *bytes;
	size_t size;
};

struct sim_disk *sim_disk_new(struct sim *sim)
{
	struct sim_disk *disk = calloc(1, sizeof(*disk));

	sim_must(disk ? 0 : -ENOMEM, "disk");
	disk->sim = sim;
	return disk;
}

struct sim_disk *sim_disk_free(struct sim_disk *disk)
{
	if (!disk)
		return NULL;
	free(disk->bytes);
	free(disk);
	return NULL;
}

static _Bool fails(struct sim_disk *disk)
{
	double share = disk->sim->chance.disk_fails;

	return share > 0 && random_unit(&disk->sim->random) < share;
}

static int write_bytes(void *context, uint64_t offset, const void *data, size_t size)
{
	struct sim_disk *disk = context;

	if (offset + size > disk->sim->chance.spool_disk_bytes)
		sim_break(disk->sim, "an agent's disk is written beyond its bound");
	if (fails(disk))
		return -ENOSPC;
	if (offset + size > disk->size) {
		disk->bytes = realloc(disk->bytes, offset + size);
		sim_must(disk->bytes ? 0 : -ENOMEM, "disk");
		disk->size = offset + size;
	}
	memcpy(disk->bytes + offset, data, size);
	return 0;
}

static int read_bytes(void *context, uint64_t offset, void *data, size_t size)
{
	struct sim_disk *disk = context;

	if (fails(disk) || offset + size > disk->size)
		return -EIO;
	memcpy(data, disk->bytes + offset, size);
	return 0;
}

static void clear(void *context)
{
	struct sim_disk *disk = context;

	disk->size = 0;
}

struct disk sim_disk(struct sim_disk *disk)
{
	static const struct disk_ops ops = {.write = write_bytes, .read = read_bytes, .clear = clear};

	return (struct disk){.ops = &ops, .context = disk};
}
