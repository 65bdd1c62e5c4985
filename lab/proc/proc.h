/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The lab's processes: started and stopped by pid, never by name. Everything that is started here
 *  - is in a process group of its own, so that Ctrl-C reaches the lab alone, which then cleans up in order;
 *  - dies with the lab, even if that is killed with SIGKILL (PR_SET_PDEATHSIG): start from the main thread
 *    only, since the kernel ties the death signal to the thread that forked;
 *  - is killed by an atexit handler, should the lab leave without having stopped it.
 *
 * Signals: after proc_init() SIGINT, SIGTERM and SIGHUP only raise a flag. Every wait of the lab (loop.h) returns
 * -EINTR then, and callers unwind and free what they made. Clean-up functions ignore the flag.
 */

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What went wrong, one line for a person. Functions that take it accept NULL, and write only on failure. */
struct errtext {
	char text[512];
};

/*
 * Fill (if e is given) and return error, so that a failure is one line: return errtext_set(e, -EINVAL,
 * "...");
 */
int errtext_set(struct errtext *e, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Once, at the start of main, before any thread. 0 or negative errno. */
int proc_init(void);
/* Whether one of the three signals came; which one (0: none). */
int proc_interrupted(void);
/* Becomes readable when one came, and stays so; for loop.c. -1 before proc_init(). */
int proc_signal_fd(void);

struct spawn {
	const char *const *argv; /* NULL-terminated, argv[0] is looked up in PATH */
	const char *netns;       /* name of a network namespace (ip netns), NULL: the lab's own */
	int in, out, err;        /* descriptors for 0, 1, 2; -1: /dev/null. They stay the caller's. */
	int keep;                /* a further descriptor to be inherited under the same number, -1: none */
	int cpu;                 /* the only CPU that it may run on, -1: any */
	bool realtime;           /* SCHED_RR 1, where allowed: a receiver that must not be the bottleneck */
};
#define SPAWN_INIT { .in = -1, .out = -1, .err = -1, .keep = -1, .cpu = -1 }

/*
 * Start a program; it belongs to the lab until proc_stop(). 0, or negative errno with a text (-ENOENT: not
 * installed, with the Debian package that has it where the lab knows).
 */
int proc_spawn(const struct spawn *s, pid_t *ret, struct errtext *e);
/*
 * Whether it still runs. A process that has ended is reaped; *status is as from waitpid(2) then (may be
 * NULL).
 */
bool proc_alive(pid_t pid, int *status);
/*
 * Send sig (0: none), wait up to grace_ms, then SIGKILL; reaps. 0 or positive wait status; -ESRCH if it is
 * not ours.
 */
int proc_stop(pid_t pid, int sig, unsigned grace_ms, int *status);
/* All that is left, at once. Also run by atexit. */
void proc_stop_all(void);

/*
 * Run a command to its end in netns (NULL: the lab's own), 30 s at most. fmt makes a line that is split at
 * blanks; there is no quoting and no shell. Where output is given it gets standard output, the caller's to
 * free. 0; -EREMOTEIO if it exited with other than 0, with "COMMAND: first line of its standard error" as
 * text;
 * -ETIMEDOUT; another negative errno.
 */
int proc_run(const char *netns, char **output, struct errtext *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with ready arguments and a text for its standard input (NULL: empty). */
int proc_runv(const char *netns, const char *const *argv, const char *input, char **output,
	      struct errtext *e);

/*
 * User and system time of a process and all its descendants, all their threads, in nanoseconds since each
 * started. Helper processes that have ended are not in it. 0, -ESRCH.
 */
int proc_cpu_ns(pid_t pid, uint64_t *ns);

/* The n-th CPU that the lab may use, counted round robin; -1 if that cannot be told. */
int proc_nth_cpu(unsigned n);

/*
 * Open or read a file as a process in the network namespace would see it (/proc/net/...,
 * /proc/sys/net/...). netns NULL: the lab's own. proc_read_ns(): whole file with a NUL, the caller's to
 * free. 0 or negative errno.
 */
int proc_read_ns(const char *netns, const char *path, char **content);
int proc_write_ns(const char *netns, const char *path, const char *content);

/*
 * Move the calling thread into a network namespace; *back is a descriptor for netns_leave(), which closes
 * it.
 */
int netns_enter(const char *netns, int *back);
void netns_leave(int back);
