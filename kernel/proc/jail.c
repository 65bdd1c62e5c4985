// SPDX-License-Identifier: GPL-2.0-or-later
#include "jail.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#if defined(__x86_64__)
#define JAIL_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define JAIL_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define JAIL_ARCH AUDIT_ARCH_RISCV64
#endif

/* What the child may use, besides what it came with. */
#define JAIL_MEMORY (256UL * 1024 * 1024) /* bytes */
#define JAIL_CPU_SECONDS 10
/* How long to wait for a killed child's end. */
#define JAIL_END_MS 50

/* --- the child -------------------------------------------------------------------------------------- */

static int limit(int resource, rlim_t value)
{
	const struct rlimit l = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

static int limit_all(void)
{
	int r = limit(RLIMIT_CPU, JAIL_CPU_SECONDS);

	if (r == 0)
		r = limit(RLIMIT_FSIZE, 0);
	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory alone is larger */
	if (r == 0)
		r = limit(RLIMIT_DATA, JAIL_MEMORY);
#endif
	return r;
}

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int r = none && cap_set_proc(none) == 0 ? 0 : -EPERM;

	cap_free(none);
	return r;
}

static int first_stage(int *out)
{
	int r;

	/* The pipe becomes descriptor 3, and what lies above goes: netlink sockets, BPF maps, all of it. */
	if (*out != 3 && dup2(*out, 3) < 0)
		return -errno;
	*out = 3;
	if (syscall(SYS_close_range, 4, ~0U, 0) < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = drop_capabilities();
	return r < 0 ? r : limit_all();
}

#ifdef JAIL_ARCH
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ARG_LOW(n) LOAD(args[n]) /* little endian: the lower half comes first */
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), RETURN(SECCOMP_RET_ALLOW)
#define DENIED (SECCOMP_RET_ERRNO | EPERM)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ARG_LOW()");

/* Memory is anonymous, and never code. */
static struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, JAIL_ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	ALLOW(SYS_write),
	ALLOW(SYS_exit_group),
	ALLOW(SYS_exit),
	ALLOW(SYS_brk),
	ALLOW(SYS_munmap),
	ALLOW(SYS_mremap),
	ALLOW(SYS_madvise),
	ALLOW(SYS_futex),
	ALLOW(SYS_clock_gettime),
	ALLOW(SYS_getrandom),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_restart_syscall),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
	ARG_LOW(4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 2, 0),
	RETURN(DENIED),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
	ARG_LOW(2),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(DENIED),
};

static int second_stage(void)
{
	const struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}
#else
static int second_stage(void)
{
	return -EOPNOTSUPP;
}
#endif

static void run_child(const struct jail_job *job, int out)
{
	int r = first_stage(&out);

	if (r == 0)
		r = job->read(job->arg);
	if (r == 0)
		r = second_stage();
	if (r == 0)
		r = job->parse(job->arg, out);
	/* The call itself: what a C library or a sanitizer does first may not be allowed any more. */
	for (;;)
		syscall(SYS_exit_group, r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* --- its parent -------------------------------------------------------------------------------------- */

struct buffer {
	char *data;
	size_t n, room;
};

static int make_room(struct buffer *b, size_t max)
{
	size_t room = b->room ? 2 * b->room : 64UL * 1024;
	char *more;

	if (b->n < b->room)
		return 0;
	if (b->n > max)
		return -EMSGSIZE;
	more = realloc(b->data, room);
	if (!more)
		return -ENOMEM;
	b->data = more;
	b->room = room;
	return 0;
}

/* Until the child closes the pipe, which it also does by ending. */
static int read_answer(int in, uint64_t until_ns, size_t max, struct buffer *b)
{
	for (;;) {
		struct pollfd p = { .fd = in, .events = POLLIN };
		uint64_t now = clock_now_ns();
		int r = make_room(b, max);
		ssize_t k;

		if (r < 0)
			return r;
		if (now >= until_ns)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)((until_ns - now) / NSEC_PER_MSEC) + 1);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0)
			continue;
		k = read(in, b->data + b->n, b->room - b->n);
		if (k < 0 && errno != EINTR)
			return -errno;
		if (k == 0)
			return b->n > max ? -EMSGSIZE : 0;
		b->n += k > 0 ? (size_t)k : 0;
	}
}

/* Whether the child is waited for. *status is untouched if it is not. */
static bool reap(pid_t pid, int *status)
{
	int s;
	pid_t r;

	do
		r = waitpid(pid, &s, WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r == pid)
		*status = s;
	return r != 0;
}

static bool reap_soon(pid_t pid, int *status)
{
	const struct timespec ms = { .tv_nsec = NSEC_PER_MSEC };

	for (int i = 0; i < JAIL_END_MS; i++) {
		if (reap(pid, status))
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static int open_pipe(int *in, int *out)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*in = ends[0];
	*out = ends[1];
	return 0;
}

int jail_run(const struct jail_job *job, pid_t *left, void **answer, size_t *size)
{
	_cleanup_close_ int in = -1, out = -1;
	struct buffer b = { 0 };
	uint64_t until = clock_now_ns() + job->patience_ns;
	int status = 0, r;
	pid_t pid;

#ifndef JAIL_ARCH
	return -EOPNOTSUPP;
#endif
	if (*left && !reap(*left, &status))
		return -EBUSY;
	*left = 0;
	r = open_pipe(&in, &out);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(job, out);
	close(TAKE_FD(out));
	r = read_answer(in, until, job->max, &b);
	if (r < 0)
		kill(pid, SIGKILL);
	if (!reap_soon(pid, &status)) {
		kill(pid, SIGKILL);
		*left = pid;
		r = r < 0 ? r : -EIO;
	} else if (r == 0 && status != 0) {
		r = -EIO;
	}
	if (r < 0) {
		free(b.data);
		return r;
	}
	*answer = b.data;
	*size = b.n;
	return 0;
}
