/* SPDX-License-Identifier: Apache-2.0 */
/* The disk behind an agent's spool: bytes in memory, that sometimes can't be written or read. */
#pragma once

#include "agent/disk.h"
#include "tests/sim/sim.h"

struct sim_disk;

struct sim_disk *sim_disk_new(struct sim *sim);
struct sim_disk *sim_disk_free(struct sim_disk *disk);
struct disk sim_disk(struct sim_disk *disk);
