/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Work on texts that others wrote, in a child process that can do no harm when a parser of them is at fault.
 *
 * Theory of Operation
 * The child loses its rights in two stages. In the first it is still root by its user id, and so may open
 * root's files, but has no capabilities, no descriptors but the pipe of its answer, and limits on memory and
 * time. It opens and reads files here, and no longer than its parent's patience: a file system in user
 * space may never answer. In the second stage a seccomp filter leaves it nothing but memory, the clock and
 * write(2): here it parses. It then ends. Its parent believes nothing of the answer but its length.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct jail_job {
	/* The first stage: read what there is to read. 0 or negative errno. */
	int (*read)(void *arg);
	/* The second stage: parse, and write the answer to fd. 0 or negative errno. */
	int (*parse)(void *arg, int fd);
	void *arg;
	uint64_t patience_ns; /* from the start to the answer's last byte */
	size_t max;           /* bytes of an answer; a longer one is refused */
};

/*
 * Run a job. *left: the child of an earlier job that cannot be ended, for the kernel waits in its name; 0: there
 * is none. 0: *answer is the caller's to free, *size bytes; -ETIMEDOUT; -EMSGSIZE: the answer is too long;
 * -EIO: a stage failed, or the child died; -EBUSY: *left is still there, and nothing was started; -EOPNOTSUPP:
 * divvy has no filter for this machine's system calls; or another negative errno. Outputs but *left are untouched
 * on failure.
 */
int jail_run(const struct jail_job *job, pid_t *left, void **answer, size_t *size);
