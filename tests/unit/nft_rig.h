/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * For tests of nft.c: four devices, and rule sets that are loaded with nft(8), the program that
 * administrators load theirs with.
 */
#include "netns.h"

#include "kernel/net/nft.h"

#include <spawn.h>
#include <sys/wait.h>

static struct rtnl *r;

/* Load rules; whether nft took them. Its complaints go to standard error only where they matter. */
static inline bool load(const char *rules)
{
	char program[] = "nft", *text = strdup(rules), *argv[] = { program, text, NULL };
	posix_spawn_file_actions_t fa;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, "nft", &fa, NULL, argv, environ) == 0)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	posix_spawn_file_actions_destroy(&fa);
	free(text);
	return status == 0;
}

static inline int setup(void **state)
{
	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	add_veth(r, "nft0", "nft1");
	add_veth(r, "nft10", "other0");
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	load("flush ruleset");
	link_del(r, ifindex_of(r, "nft0"), 0);
	link_del(r, ifindex_of(r, "nft10"), 0);
	commit_ok(r);
	r = rtnl_close(r);
	return 0;
}

/* Call after netns_enter(). */
static inline void need_nft(void)
{
	if (!load("list ruleset"))
		skip_all("nft list ruleset", ENOENT);
}
